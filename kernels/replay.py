"""Recorded launches, run again and again without Python: by one thread, or by several in step."""

import numpy as np

from .native.arguments import Array, Layout, address
from .native.kernel import Kernel, Launch

_replay = Kernel("replay_loops.replay", Layout.INTEGERS, Layout.COUNT)
_lead = Kernel("replay_loops.lead", *(Layout.INTEGERS,) * 3)
_attend = Kernel("replay_loops.attend", *(Layout.INTEGERS,) * 4, Layout.COUNT, Layout.COUNT)
_barrier = Kernel("replay_loops.barrier", Layout.INTEGERS, Layout.COUNT)

PATIENCE = 50_000
"""Turns of a waiting loop before a thread goes to sleep: about a millisecond."""


def calls(launches: list[Launch]) -> Array:
    """Entry and block of each launch, as machine code reads them."""
    pairs = [(launch.entry, address(launch.block)) for launch in launches]
    return np.array(pairs, dtype=np.int64).ravel()


def replay(launches: list[Launch], repeats: int = 1) -> Launch:
    """Launch that runs others in order; the last slot of its block says how many times."""
    whole = _replay.launch(calls(launches), repeats)
    return whole._replace(keep=(*whole.keep, launches))


def lead(order: Array, done: Array, calls: Array) -> Launch:
    """Launch that orders a call from every thread, makes the first itself and waits for all."""
    return _lead.launch(order, done, calls)


def attend(order: Array, served: Array, done: Array, calls: Array, mine: int) -> Launch:
    """Launch that makes call `mine` of every order and ends when none has come for a while."""
    return _attend.launch(order, served, done, calls, mine, PATIENCE)


def barrier(arrivals: Array, parties: int) -> Launch:
    """Launch that waits until all parties have reached it."""
    return _barrier.launch(arrivals, parties)
