"""Mini-batches of an epoch: gathered from data in memory, or from windows on them that are sent."""

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np

from ..algorithm.memory import Array, Memory
from ..backprop import Source
from ..kernels.sparse import CSR, SparseRows
from .read_ahead import ReadAhead, in_parts


class Feed(Protocol):
    """Training data, in one window or several."""

    @property
    def sources(self) -> tuple[Source, ...]:
        """The windows, each with a cursor of its own."""

    def windows(self, order: Array) -> Iterator[tuple[int, int]]:
        """Go through the rows in this order: which source holds the next ones, and how many."""


class Resident:
    """All data where the primitives read them; `ahead` reads rows of X before they are needed.

    X has the targets' type or, dense, another floating-point type. An epoch has `taken` rows, and
    the orders of `epochs` fit one behind the other.
    """

    def __init__(
        self,
        memory: Memory,
        X: Array | CSR,
        Y: Array,
        weight: Array | None,
        taken: int,
        batch_size: int,
        ahead: ReadAhead | None,
        epochs: int,
    ) -> None:
        self._memory = memory
        column = None if weight is None else memory.put(weight)
        order = memory.put(np.zeros(epochs * taken, dtype=np.int64))
        cursor = memory.put(np.zeros(1, dtype=np.int64))
        read = SparseRows(X, order, cursor) if isinstance(X, CSR) else memory.rows(X, Y.dtype)
        self._source = Source(read, memory.rows(Y), column, order, cursor)
        self._ahead = ahead if read is X else None
        self._at_once = 0 if self._ahead is None else self._ahead.whole_batches(batch_size)

    @property
    def sources(self) -> tuple[Source, ...]:
        """One window."""
        return (self._source,)

    def line_up(self, orders: Iterable[Array]) -> int:
        """Put the orders of up to `epochs` epochs one behind the other, and count them."""
        count, end = 0, 0
        for order in orders:
            count, start, end = count + 1, end, end + len(order)
            self._memory.write(self._source.order[start:end], order)
        self._memory.write(self._source.cursor, np.zeros(1, dtype=np.int64))
        return count

    def windows(self, order: Array) -> Iterator[tuple[int, int]]:
        """Yield all rows at once, or some while others are read."""
        self.line_up([order])
        if self._ahead is None:
            yield 0, len(order)
            return
        bounds = [*range(0, len(order), self._at_once), len(order)]
        for part in in_parts(order, bounds, self._ahead):
            yield 0, part.stop - part.start


class Streamed:
    """Data that pass through two windows: one is computed on while the other is filled.

    They stay where they are. A window has `rows` rows, which are whole batches.
    """

    def __init__(
        self,
        memory: Memory,
        X: Array,
        Y: Array,
        weight: Array | None,
        rows: int,
        ahead: ReadAhead | None,
    ) -> None:
        self._memory, self._rows, self._ahead = memory, rows, ahead
        self._data = [X, Y] if weight is None else [X, Y, weight]
        widths = tuple(M.shape[1] for M in self._data)
        self._stagings = [memory.staging(rows, widths, Y.dtype) for _ in range(2)]
        in_order = memory.put(np.arange(rows, dtype=np.int64))
        self._sources = tuple(
            _source(staging.device, in_order, memory.put(np.zeros(1, dtype=np.int64)))
            for staging in self._stagings
        )

    @property
    def sources(self) -> tuple[Source, ...]:
        """Two windows."""
        return self._sources

    def windows(self, order: Array) -> Iterator[tuple[int, int]]:
        """Fill a window, hand it over, fill the other."""
        bounds = [*range(0, len(order), self._rows), len(order)]
        for count, part in enumerate(in_parts(order, bounds, self._ahead)):
            window = count % 2
            staging, chunk = self._stagings[window], order[part]
            staging.wait()
            for matrix, room in zip(self._data, staging.host, strict=True):
                _copy_rows(matrix, chunk, room[: len(chunk)])
            staging.send(len(chunk))
            self._memory.write(self._sources[window].cursor, np.zeros(1, dtype=np.int64))
            yield window, len(chunk)
            staging.release()


def _copy_rows(matrix: Array, rows: Array, out: Array) -> None:
    if matrix.flags.c_contiguous and matrix.dtype == out.dtype:
        np.take(matrix, rows, axis=0, out=out, mode="clip")  # no copy between
    else:
        out[...] = matrix[rows]  # take would copy or convert all of it first


def _source(matrices: tuple[Array, ...], order: Array, cursor: Array) -> Source:
    """Window on matrices that are examples, targets and perhaps weights."""
    X, Y, *weight = matrices
    return Source(X, Y, weight[0] if weight else None, order, cursor)
