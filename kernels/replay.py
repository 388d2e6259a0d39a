"""Recorded launches, run again and again without Python: by one thread, or by several in step."""

import numpy as np

from .native.kernel import Kernel, Launch
from .native.layout import Array, Layout, address

_replay = Kernel("control.replay", Layout.INTEGERS, Layout.COUNT)
_lead = Kernel("control.lead", Layout.INTEGERS, Layout.INTEGERS, Layout.COUNT)
_attend = Kernel("control.attend", *(Layout.INTEGERS,) * 3, Layout.COUNT)
_barrier = Kernel("control.barrier", Layout.INTEGERS, Layout.COUNT)

PATIENCE = 50_000
"""Turns of a waiting loop before a thread goes to sleep: about a millisecond."""


def replay(launches: list[Launch]) -> Launch:
    """Launch that runs others in order; the last slot of its block says how many times."""
    return _keeping(_replay.launch(_calls(launches), 1), launches)


def lead(orders: Array, launches: list[Launch]) -> Launch:
    """Like `replay`, for the thread that calls; others that attend to the same orders join it."""
    return _keeping(_lead.launch(orders, _calls(launches), 1), launches)


def attend(orders: Array, launches: list[Launch]) -> Launch:
    """Launch that runs its part of all orders and ends when none has come for a while."""
    served = np.zeros(8, dtype=np.int64)
    return _keeping(_attend.launch(orders, served, _calls(launches), PATIENCE), launches)


def barrier(arrivals: Array, parties: int) -> Launch:
    """Launch that waits until all parties have reached it."""
    return _barrier.launch(arrivals, parties)


def _calls(launches: list[Launch]) -> Array:
    calls = [(launch.entry, address(launch.block)) for launch in launches]
    return np.array(calls, dtype=np.int64).ravel()


def _keeping(whole: Launch, launches: list[Launch]) -> Launch:
    return whole._replace(keep=(*whole.keep, launches))
