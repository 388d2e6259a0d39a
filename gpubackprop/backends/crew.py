"""Threads that run the lanes of a recorded step side by side."""

import os
import threading
import weakref
from queue import SimpleQueue

import numpy as np

from ..kernels import replay
from ..kernels.native.kernel import Launch
from ..parameters import aligned_zeros


class Crew:
    """The calling thread, which leads, and others that wait for its orders.

    Parameters
    ----------
    size : int
        Threads in all.

    Notes
    -----
    Waking a sleeping thread takes tens of microseconds, an epoch may take as many: after an order a
    thread spins for about a millisecond before it sleeps. An order is posted in machine code, so
    that an interrupt cannot come between posting it and making the leader's own part.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        order, done = aligned_zeros(8, np.int64), aligned_zeros(8, np.int64)
        self._calls = aligned_zeros(2 * size, np.int64)
        self._lead = replay.lead(order, done, self._calls)
        self._wake: list[SimpleQueue[bool]] = []
        for mine in range(1, size):
            wake: SimpleQueue[bool] = SimpleQueue()
            arguments = (replay.attend(order, done, self._calls, mine), wake)
            threading.Thread(
                target=_serve, args=arguments, name=f"gpubackprop-{mine}", daemon=True
            ).start()
            weakref.finalize(self, wake.put, False)
            self._wake.append(wake)

    def run(self, launches: list[Launch]) -> None:
        """Run one launch a thread; return when all are through."""
        for wake in self._wake:
            wake.put(True)
        self._calls[:] = replay.calls(launches)
        self._lead.run()


def _serve(attend: Launch, wake: "SimpleQueue[bool]") -> None:
    """Attend to orders whenever woken; one that comes after the queue was emptied wakes again."""
    while wake.get():
        while not wake.empty():
            if not wake.get():
                return
        attend.run()


_local = threading.local()


def crew(size: int) -> Crew:
    """Crew of the calling thread, one for each size, kept from one use to the next."""
    crews: dict[int, Crew] = _local.__dict__.setdefault("crews", {})
    if size not in crews:
        crews[size] = Crew(size)
    return crews[size]


def _forget() -> None:
    _local.__dict__.clear()  # a forked process has the leader only


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
