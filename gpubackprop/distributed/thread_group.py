"""Threads of one process as ranks: for tests, and where no launcher is at hand."""

import pickle
import threading
from typing import Any

from ..kernels.native.arguments import Array

PATIENCE_SECONDS = 5.0
"""Seconds that a rank which failed waits for the others to fail alike."""


class OtherRankError(RuntimeError):
    """Another rank has failed, which the caller would wait for in vain."""


class Table:
    """A place for each rank, and a barrier before and after all look at it."""

    def __init__(self, size: int) -> None:
        self.barrier, self.leaving = threading.Barrier(size), threading.Barrier(size)
        self.places: list[Any] = [None] * size


class ThreadGroup:
    """One thread's membership in a group of threads; `thread_groups` makes them."""

    def __init__(self, index: int, table: Table) -> None:
        self.index, self.size, self._table = index, len(table.places), table

    def all_reduce(self, vector: Array) -> None:
        """Replace a vector by its sum over all ranks, added in their order."""
        parts = self._gathered(vector.copy())
        vector[...] = parts[0]
        for part in parts[1:]:
            vector += part

    def exchange(self, value: Any) -> list[Any]:
        """Give every rank copies of the values of all."""
        return list(map(pickle.loads, self._gathered(pickle.dumps(value))))

    def _gathered(self, value: Any) -> list[Any]:
        try:
            self._table.places[self.index] = value
            self._table.barrier.wait()
            values = list(self._table.places)
            self._table.barrier.wait()
        except threading.BrokenBarrierError:
            raise OtherRankError("another rank has failed: its own error says why") from None
        return values

    def abort(self) -> None:
        """Let the others fail where they wait, unless they fail alike."""
        try:
            self._table.leaving.wait(PATIENCE_SECONDS)
        except threading.BrokenBarrierError:
            self._table.barrier.abort()


def thread_groups(size: int) -> list[ThreadGroup]:
    """Make a group of threads: each thread gives one of these to `data_parallel`.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from gpubackprop.distributed.thread_group import thread_groups
    >>> with ThreadPoolExecutor(2) as pool:
    ...     list(pool.map(lambda group: group.exchange(10 * group.index), thread_groups(2)))
    [[0, 10], [0, 10]]
    """
    table = Table(size)
    return [ThreadGroup(index, table) for index in range(size)]
