"""Arrays as a kernel sees them: one element at a time, in range, without races.

A slice is what one instruction moves, of neighbours on a boundary.
"""

from math import prod
from operator import index as as_index
from typing import Any

import numpy as np

from tests.cuda.simulator.history import History, Moment, RaceError

Index = int | tuple[int, ...]
BOUNDARY = 16  # bytes: of the widest loads and stores, on every GPU


class MisalignedError(RuntimeError):
    """Neighbours are moved together that do not start on a boundary."""


class Memory:
    """Elements of one type. A multi-dimensional one takes one index for each dimension."""

    __slots__ = (
        *("_address", "_flat", "_history", "_itemsize"),
        *("_length", "_name", "_shape", "_widen"),
    )

    def __init__(self, array: np.ndarray, name: str, history: History | None):
        self._flat, self._shape, self._name = array.reshape(-1), array.shape, name
        self._length = len(self._flat) if array.ndim == 1 else 0  # one index is enough
        self._history, self._address, self._itemsize = history, array.ctypes.data, array.itemsize
        self._widen = {"i": np.int64, "u": np.uint64}.get(array.dtype.kind)

    @classmethod
    def poisoned(cls, shape: Index, dtype: Any, name: str, history: History | None) -> "Memory":
        array = np.empty(shape, as_dtype(dtype))
        array.reshape(-1).view(np.uint8).fill(0xFF)
        return cls(array, name, history)

    def __getitem__(self, index: Index | slice) -> Any:
        if isinstance(index, slice):
            return tuple(self[i] for i in self._together(index))
        offset = self._offset(index)
        if self._history is not None:
            before = self._history.read(self._address + offset * self._itemsize)
            if before is not None:
                raise self._race(index, before)
        value = self._flat[offset]
        return value if self._widen is None else self._widen(value)

    def __setitem__(self, index: Index | slice, value: Any) -> None:
        if isinstance(index, slice):
            for i, each in zip(self._together(index), value, strict=True):
                self[i] = each
            return
        offset = self._offset(index)
        if self._history is not None:
            before = self._history.write(self._address + offset * self._itemsize)
            if before is not None:
                raise self._race(index, before)
        self._store(offset, value)

    def atomic_add(self, index: Index, value: Any) -> Any:
        """Add, and return what was there."""
        if self._widen is None:
            raise TypeError(f"atomics on {self._name}: integers only, sums of floats vary")
        offset = self._offset(index)
        if self._history is not None:
            before = self._history.atomic(self._address + offset * self._itemsize)
            if before is not None:
                raise self._race(index, before)
        old = self._widen(self._flat[offset])
        self._store(offset, int(old) + int(value))
        return old

    def _together(self, index: slice) -> range:
        start, stop = as_index(index.start), as_index(index.stop)
        if (self._address + start * self._itemsize) % BOUNDARY:
            raise MisalignedError(f"{self._name}[{start}:{stop}] is off {BOUNDARY} bytes")
        return range(start, stop)

    def _store(self, offset: int, value: Any) -> None:
        try:
            self._flat[offset] = value
        except OverflowError:  # an integer too large wraps on a GPU
            bits = int(value) % 2 ** (8 * self._itemsize)
            self._flat[offset] = np.array(bits, f"u{self._itemsize}").view(self._flat.dtype)

    def _offset(self, index: Index) -> int:
        if isinstance(index, tuple):
            return self._offset_of_many(index)
        offset = as_index(index)
        if 0 <= offset < self._length:
            return offset
        if len(self._shape) != 1:
            raise TypeError(f"{self._name} has {len(self._shape)} dimensions: index them all")
        raise IndexError(f"{self._name}[{offset}] lies outside of its {self._length} elements")

    def _offset_of_many(self, index: tuple[int, ...]) -> int:
        if len(index) != len(self._shape):
            raise TypeError(f"{self._name} has {len(self._shape)} dimensions, not {len(index)}")
        offset = 0
        for i, n in zip(map(as_index, index), self._shape, strict=True):
            if not 0 <= i < n:
                raise IndexError(f"{self._name}{list(map(int, index))} lies outside {self._shape}")
            offset = offset * n + i
        return offset

    def _race(self, index: Index, before: Moment) -> RaceError:
        where = list(map(int, index)) if isinstance(index, tuple) else f"[{int(index)}]"
        return RaceError(
            f"{self._name}{where} was used by {before.thread} before, and nothing orders the two"
        )


def as_dtype(kind: Any) -> np.dtype:
    """Of a type of NumPy's or Numba's; the latter are named as the former are."""
    return np.dtype(kind if isinstance(kind, type | np.dtype) else str(kind))


def size_in_bytes(shape: Index, dtype: Any) -> int:
    return prod(np.atleast_1d(shape).tolist()) * as_dtype(dtype).itemsize
