"""Recorded launches, run again and again without Python: by one thread, or by several in step."""

import numpy as np

from . import replay_loops
from .native.arguments import Array, address
from .native.launch import LoopLaunch, launch

MAX_SPINS = 50_000
"""Turns of a waiting loop before a thread goes to sleep: about a millisecond."""


def calls(launches: list[LoopLaunch]) -> Array:
    """Entry and block of each launch, as machine code reads them."""
    found = np.empty((len(launches), 2), dtype=np.int64)
    found[:, 0] = [each.entry for each in launches]
    found[:, 1] = [address(each.block) for each in launches]
    return found.ravel()


def replay(launches: list[LoopLaunch], repeats: int = 1) -> LoopLaunch:
    """Launch that runs others in order; the last slot of its block says how many times."""
    return launch(replay_loops.replay, launches, calls=calls(launches), repeats=repeats)


def put_aside(sums: Array, fresh: Array, kept: Array, rounds: Array) -> LoopLaunch:
    """Launch that ends a round: its sums become the next row of `kept`, and are `fresh` again.

    `rounds` counts the rows that have been kept.
    """
    flat = {"sums": sums.ravel(), "fresh": fresh.ravel(), "kept": kept.ravel()}
    return launch(replay_loops.put_aside, **flat, rounds=rounds)


def lead(order: Array, done: Array, calls: Array) -> LoopLaunch:
    """Launch that orders a call from every thread, makes the first itself and waits for all."""
    return launch(replay_loops.lead, order=order, done=done, calls=calls)


def attend(order: Array, served: Array, done: Array, calls: Array, mine: int) -> LoopLaunch:
    """Launch that makes call `mine` of every order and ends when none has come for a while."""
    return launch(
        replay_loops.attend,
        order=order,
        served=served,
        done=done,
        calls=calls,
        mine=mine,
        patience=MAX_SPINS,
    )


def barrier(arrivals: Array, parties: int) -> LoopLaunch:
    """Launch that waits until all parties have reached it."""
    return launch(replay_loops.barrier, arrivals=arrivals, parties=parties)
