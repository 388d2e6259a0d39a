"""Arrays as a kernel sees them: one element at a time, in range, without races.

A slice is what one instruction moves, of neighbours on a boundary.
"""

from operator import index as as_index
from typing import Any

import numpy as np

from tests.cuda.simulator.history import History, Moment, RaceError

BOUNDARY = 16  # bytes: of the widest loads and stores, on every GPU


class MisalignedError(RuntimeError):
    """Neighbours are moved together that do not start on a boundary."""


class Memory:
    """Elements of one type."""

    __slots__ = ("_address", "_history", "_itemsize", "_length", "_name", "_values")

    def __init__(self, array: np.ndarray, name: str, history: History):
        self._values, self._length, self._name, self._history = array, len(array), name, history
        self._address, self._itemsize = array.ctypes.data, array.itemsize

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return tuple(self[i] for i in self._together(index))
        before = self._history.read(self._place(index))
        if before is not None:
            raise self._race(index, before)
        return self._values[index]

    def __setitem__(self, index: int | slice, value: Any) -> None:
        if isinstance(index, slice):
            for i, each in zip(self._together(index), value, strict=True):
                self[i] = each
            return
        before = self._history.write(self._place(index))
        if before is not None:
            raise self._race(index, before)
        self._values[index] = value

    def _together(self, index: slice) -> range:
        start, stop = as_index(index.start), as_index(index.stop)
        if (self._address + start * self._itemsize) % BOUNDARY:
            raise MisalignedError(f"{self._name}[{start}:{stop}] is off {BOUNDARY} bytes")
        return range(start, stop)

    def _place(self, index: int) -> int:
        """Address of an element, which has to be inside."""
        offset = as_index(index)
        if not 0 <= offset < self._length:
            raise IndexError(f"{self._name}[{offset}] lies outside of its {self._length} elements")
        return self._address + offset * self._itemsize

    def _race(self, index: int, before: Moment) -> RaceError:
        return RaceError(
            f"{self._name}[{int(index)}] was used by {before.thread} before, and nothing orders the"
            " two"
        )
