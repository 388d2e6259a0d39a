"""Reading rows of a memory-mapped file before they are trained on, while others are."""

import mmap
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np

from ..algorithm.memory import Array
from . import block_order


class ReadAhead:
    """Asks the operating system for rows of a mapped file that will be needed soon."""

    def __init__(self, X: Array, file: mmap.mmap) -> None:
        self._file, self._stride, self._rows = file, X.strides[0], len(X)
        self._offset = X.ctypes.data - np.frombuffer(file, np.uint8).ctypes.data
        block = block_order.block_rows(self._stride)
        self._piece = max(1, block // 4)  # a block of which rows are held out lies across others
        self._window = block_order.WINDOW * block

    def whole_batches(self, batch_size: int) -> int:
        """Rows to train on while as many are read: a window, in whole mini-batches."""
        return -(-self._window // batch_size) * batch_size

    def ask_for(self, rows: Array) -> None:
        """Let rows of these numbers be read, without waiting for them."""
        wanted = np.zeros(-(-self._rows // self._piece) + 2, dtype=np.int8)
        wanted[1 + rows // self._piece] = 1
        edges = np.flatnonzero(np.diff(wanted)) * self._piece
        for first, end in np.minimum(edges, self._rows).reshape(-1, 2).tolist():
            self._read(self._offset + first * self._stride, self._offset + end * self._stride)

    def _read(self, start: int, end: int) -> None:
        """Ask for bytes of the file, at once no more than the operating system would read."""
        start -= start % mmap.PAGESIZE
        for at in range(start, end, block_order.BLOCK_BYTES):
            length = min(block_order.BLOCK_BYTES, end - at)
            with suppress(OSError):  # a hint that some file systems do not take
                self._file.madvise(mmap.MADV_WILLNEED, at, length)


def read_ahead(X: Any) -> ReadAhead | None:
    """Make what reads ahead in X; None where it is no mapped file, or its rows are in pieces."""
    file = _file_of(X)
    in_pieces = file is None or not X.flags.c_contiguous
    return None if in_pieces or not hasattr(mmap, "MADV_WILLNEED") else ReadAhead(X, file)


def _file_of(X: Any) -> Any:
    """Find the mapping that an array is a view of, if any."""
    while isinstance(X, (np.ndarray, memoryview)):
        X = X.base if isinstance(X, np.ndarray) else X.obj
    return X if isinstance(X, mmap.mmap) else None


def in_parts(rows: Array, bounds: Sequence[int], ahead: ReadAhead | None) -> Iterator[slice]:
    """Go through parts of an epoch; where one begins, the next one's rows are asked for.

    The rows are numbers, in the order in which they are trained on; `bounds` says where the parts
    begin among them, and where the last one ends.
    """
    parts = [slice(begin, end) for begin, end in pairwise(bounds)]
    for number, part in enumerate(parts):
        if ahead is not None:
            for wanted in parts[number + min(1, number) : number + 2]:
                ahead.ask_for(rows[wanted])
        yield part
