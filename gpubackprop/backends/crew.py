"""Threads that run a recorded step side by side, and wait for the next order while it is near."""

import threading
import weakref
from queue import SimpleQueue

import numpy as np

from ..kernels import replay
from ..kernels.native.kernel import Launch


class Crew:
    """A leading thread, the caller's, and one more thread for each further lane.

    Parameters
    ----------
    lanes : list of list of Launch
        What each thread runs, with barriers between; the first is the caller's.

    Notes
    -----
    Waking a sleeping thread takes tens of microseconds, a step may take as long: after an order a
    thread spins for about a millisecond before it sleeps. An order is posted in machine code, so
    that an interrupt cannot come between posting it and running the caller's lane.
    """

    def __init__(self, lanes: list[list[Launch]]) -> None:
        orders = np.zeros(8, dtype=np.int64)
        mine, *others = lanes
        self._lead = replay.lead(orders, mine)
        self._wake: list[SimpleQueue[bool]] = []
        for lane in others:
            wake: SimpleQueue[bool] = SimpleQueue()
            arguments = (replay.attend(orders, lane), wake)
            threading.Thread(target=_serve, args=arguments, daemon=True).start()
            weakref.finalize(self, wake.put, False)
            self._wake.append(wake)

    def run(self, repeats: int) -> None:
        """Run all lanes so many times; return when the last thread is through."""
        for wake in self._wake:
            wake.put(True)
        self._lead.block[-1] = repeats
        self._lead.run()


def _serve(attend: Launch, wake: "SimpleQueue[bool]") -> None:
    """Attend to orders whenever woken; one that comes after the queue was emptied wakes again."""
    while wake.get():
        while not wake.empty():
            if not wake.get():
                return
        attend.run()
