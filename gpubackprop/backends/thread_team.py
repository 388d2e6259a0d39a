"""Threads that run the lanes of a recorded step side by side."""

import os
import threading
import time
import weakref
from queue import Empty, SimpleQueue

import numpy as np

from ..algorithm.memory import Array, aligned_zeros
from ..kernels import replay
from ..kernels.native.launch import LoopLaunch
from .starvation import Starvation
from .threads import multiply_alone


class ThreadTeam:
    """The calling thread, its master, and workers that wait for its orders.

    Waking a sleeping thread takes tens of microseconds, an epoch may take as many: after an order a
    thread spins for about a millisecond before it sleeps. Orders are numbered, and a thread that
    was woken for one does not sleep before it has served it, however long the master is held up
    between waking and posting.
    """

    def __init__(self, size: int) -> None:
        self._posted, done = aligned_zeros(8, np.int64), aligned_zeros(8, np.int64)
        self._calls = aligned_zeros(2 * size, np.int64)
        self._lead = replay.lead(self._posted, done, self._calls)
        self._wake: list[SimpleQueue[int]] = []
        self._clocks: list[int] = []
        self._starvation = Starvation(size)
        for mine in range(1, size):
            served, wake = aligned_zeros(8, np.int64), SimpleQueue[int]()
            attend = replay.attend(self._posted, served, done, self._calls, mine)
            worker = threading.Thread(
                target=_serve, args=(attend, served, wake), name=f"gpubackprop-{mine}", daemon=True
            )
            worker.start()
            weakref.finalize(self, wake.put, _DISMISSED)
            self._wake.append(wake)
            self._clocks += _clock(worker)

    def run(self, launches: list[LoopLaunch]) -> None:
        """Run one launch a thread; return when all are through."""
        self._calls[:] = replay.calls(launches)
        order = int(self._posted[0]) + 1
        started, computed = time.perf_counter(), self._computed()
        try:
            for wake in self._wake:
                wake.put(order)
            self._lead.run()
        except BaseException:
            for wake in self._wake:
                wake.put(order - 1)  # an interrupt before the order was posted: wait for none
            raise
        now = time.perf_counter()
        if len(self._clocks) == len(self._wake):
            self._starvation.note(now, now - started, self._computed() - computed)

    def starves(self) -> bool:
        """Whether others use the cores, so that one thread had better run all launches."""
        return self._starvation.lasts(time.perf_counter())

    def _computed(self) -> float:
        """Seconds that the threads have had a core so far, all together."""
        return time.thread_time() + sum(map(time.clock_gettime, self._clocks))


def _clock(thread: threading.Thread) -> list[int]:
    """Clock of a thread's time on a core, where the system has one (macOS has none)."""
    of_thread = getattr(time, "pthread_getcpuclockid", None)
    return [of_thread(thread.ident)] if of_thread else []


_DISMISSED = 0
"""In the place of an order's number: the last order has been given."""


def _serve(attend: LoopLaunch, served: Array, wake: "SimpleQueue[int]") -> None:
    """Serve orders in the order of their numbers, asleep where none is due."""
    multiply_alone()
    order = wake.get()
    while order != _DISMISSED:
        if served[0] < order:
            attend.run()
        try:
            order = wake.get(timeout=None if served[0] >= order else 0.001)
        except Empty:
            continue  # not posted yet: attend again


_local = threading.local()


def team(size: int) -> ThreadTeam:
    """Thread team of the calling thread, one for each size, kept from one use to the next."""
    teams: dict[int, ThreadTeam] = _local.__dict__.setdefault("teams", {})
    if size not in teams:
        teams[size] = ThreadTeam(size)
    return teams[size]


def _forget() -> None:
    _local.__dict__.clear()  # a forked process has the master only


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
