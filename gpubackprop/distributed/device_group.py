"""The GPUs of one process as ranks, each with a thread of its own: no launcher is needed."""

import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from typing import Any

from .current import Together, joined
from .node import shared
from .thread_group import OtherRankError, Table, ThreadGroup

PATIENCE_SECONDS = 2.0
"""Seconds after a failure in which the other ranks end by themselves, unless their GPUs wait."""

_one_at_a_time = threading.Lock()
"""Sums of two groups that share GPUs could wait for each other."""


class _DeviceTable(Table):
    """The same for ranks with a GPU each, and what connects these."""

    def __init__(self, devices: tuple[int, ...]) -> None:
        super().__init__(len(devices))
        self.devices = devices
        self.connections: list[Any] = []


class DeviceGroup(ThreadGroup):
    """One thread's membership in a group of threads with a GPU each."""

    _table: _DeviceTable

    def __init__(self, index: int, table: _DeviceTable) -> None:
        super().__init__(index, table)

    def connect(self, connect_all: Callable[[list[int]], list[Any]]) -> Any:
        """Return this rank's one of the connections that a single call makes for all GPUs.

        Every rank calls it; `connect_all` is given the GPUs' numbers on the first rank alone, and
        what it returns has `abort`.
        """
        table = self._table
        if self.index == 0:
            table.connections = connect_all(list(table.devices))
        of_first, *_ = self._gathered(table.connections)
        return of_first[self.index]

    def abort(self) -> None:
        """Let the others fail where they wait: at once for a thread, then for a GPU's sum.

        To end a connection takes until the last graph is gone that sums with it, which the threads
        hold that are to be woken: so nobody waits for that.
        """
        self._table.barrier.abort()
        try:
            self._table.leaving.wait(PATIENCE_SECONDS)
        except threading.BrokenBarrierError:
            with suppress(IndexError):
                while True:  # each by one thread alone
                    end = self._table.connections.pop().abort
                    threading.Thread(target=end, daemon=True).start()


def on_each_device(devices: tuple[int, ...], work: Callable[[int], None]) -> None:
    """Do work once for each GPU, in threads that are ranks of one group.

    Work is given the rank; the calling thread does the first one's. Once all have ended, the first
    exception is raised that a rank has raised of its own accord.
    """
    with _one_at_a_time:
        table, failures = _DeviceTable(devices), []

        def of_rank(index: int) -> None:
            group = DeviceGroup(index, table)
            try:
                with shared(group) as near, joined(Together(group, False, near.place, devices)):
                    work(index)
            except BaseException as reason:
                failures.append(reason)
                group.abort()

        others = [
            threading.Thread(target=copy_context().run, args=(of_rank, index), daemon=True)
            for index in range(1, len(devices))
        ]
        for thread in others:
            thread.start()
        of_rank(0)
        _end(others, DeviceGroup(0, table))
        own = [reason for reason in failures if not isinstance(reason, OtherRankError)]
        try:
            if own:
                raise own[0]
        finally:  # an error that its own frame holds would keep a GPU's memory
            own.clear()
            failures.clear()


def _end(others: list[threading.Thread], first: DeviceGroup) -> None:
    """Wait for the other ranks; where an interrupt has ended the first one early, end them."""
    try:
        for thread in others:
            thread.join(PATIENCE_SECONDS)
    finally:
        if any(thread.is_alive() for thread in others):
            first.abort()
    for thread in others:
        thread.join()
