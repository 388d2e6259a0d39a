"""Memory that primitives work in: the process's own, or a GPU's."""

import mmap
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from ..kernels.native.arguments import Array as Array
from ..kernels.native.arguments import address
from . import checkpointing

ALIGNMENT = 64
"""Bytes: a cache line and the widest vector register."""

_HUGE = 1 << 21
"""Bytes of a huge page."""


class Staging(Protocol):
    """Room where rows of several matrices are put together, and sent to where they are read.

    One is filled while the work on another goes on.
    """

    @property
    def host(self) -> tuple[Array, ...]:
        """Matrices to fill, once `wait` has returned."""

    @property
    def device(self) -> tuple[Array, ...]:
        """Where primitives find them."""

    def wait(self) -> None:
        """Return when all that reads what was sent last is over."""

    def send(self, rows: int) -> None:
        """Send the first rows; what is queued from now on finds them."""

    def release(self) -> None:
        """Say that what is queued from now on does not read them."""


class Room(Protocol):
    """What a plan asks of memory."""

    @property
    def row_bytes(self) -> int:
        """Rows of a matrix start on multiples of this many bytes."""

    @property
    def keeps_epoch(self) -> bool:
        """Whether steps may fail half-way here, so that the last epoch is kept if there is room."""

    def available(self) -> int | None:
        """Bytes that may be allocated; None where nobody counts."""


class Memory(Room, Protocol):
    """Allocates arrays, and moves values between the process's memory and its own."""

    def zeros(self, size: int, dtype: Any) -> Array:
        """Zeros whose first element lies on a 64-byte boundary."""

    def put(self, values: Array) -> Array:
        """Make a contiguous array's values available here."""

    def rows(self, matrix: Array) -> Array:
        """Make a matrix available here, for its rows to be read."""

    def write(self, out: Array, values: Array) -> None:
        """Copy values from the process's memory into an array here, of the same shape."""

    def read(self, array: Array) -> Array:
        """Values of an array here, in the process's memory."""

    def draft(self, array: Array) -> Array:
        """Array of the process to fill and to `write` here; zero, or what is here already."""

    def holds(self, array: Array) -> bool:
        """Whether an array lies here already."""

    def staging(self, rows: int, widths: tuple[int, ...], dtype: Any) -> Staging:
        """Room for rows on their way here."""


class Host:
    """The process's own memory: nothing has to be moved."""

    row_bytes = 1
    keeps_epoch = False

    def zeros(self, size: int, dtype: Any) -> Array:
        """Zeros on a 64-byte boundary, of a huge page if that is filled."""
        return aligned_zeros(size, dtype)

    def put(self, values: Array) -> Array:
        """Return the values themselves."""
        return values

    def rows(self, matrix: Array) -> Array:
        """Return the matrix itself."""
        return matrix

    def write(self, out: Array, values: Array) -> None:
        """Copy values, unless they are there already."""
        if out is not values:
            out[...] = values

    def read(self, array: Array) -> Array:
        """Return the array itself."""
        return array

    def draft(self, array: Array) -> Array:
        """Return the array itself."""
        return array

    def holds(self, array: Array) -> bool:
        """Return False: it counts as data of the process, which nobody moves."""
        return False

    def staging(self, rows: int, widths: tuple[int, ...], dtype: Any) -> Staging:
        """Raise: a plan streams data only where it counts the bytes, see `available`."""
        raise RuntimeError("data in the process's own memory are used where they lie")

    def available(self) -> int | None:
        """Return None: the operating system counts."""
        return None


HOST = Host()


def aligned_zeros(size: int, dtype: Any) -> Array:
    """Zeros whose first element lies on a 64-byte boundary, of a huge page if that is filled."""
    dtype = np.dtype(dtype)
    length = size * dtype.itemsize
    huge = length >= _HUGE and hasattr(mmap, "MADV_HUGEPAGE")
    boundary = _HUGE if huge else ALIGNMENT
    room = _huge_pages(length + _HUGE) if huge else np.zeros(length + ALIGNMENT, dtype=np.uint8)
    start = -address(room) % boundary
    return room[start : start + length].view(dtype)


def _huge_pages(length: int) -> Array:
    """Zeros that the kernel may back with huge pages: epochs of 2 MB of weights vary less so."""
    memory = mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, dtype=np.uint8)


def matrix(rows: int, columns: int, dtype: Any, memory: Memory) -> Array:
    """A matrix of zeros, its rows as far apart as the memory wants them."""
    (alone,) = matrices(rows, (columns,), (0,), dtype, memory)
    return alone


def matrices(
    rows: int, columns: Sequence[int], places: Sequence[int], dtype: Any, memory: Memory
) -> tuple[Array, ...]:
    """Matrices of zeros of so many columns each; those of one place start where it starts."""
    leads = [row_length(d, dtype, memory) for d in columns]
    room = {
        place: memory.zeros(rows * lead, dtype)
        for place, lead in checkpointing.room(places, leads).items()
    }
    return tuple(
        room[place][: rows * lead].reshape(rows, lead)[:, :d]
        for d, lead, place in zip(columns, leads, places, strict=True)
    )


def row_length(columns: int, dtype: Any, memory: Room) -> int:
    """Elements from one row of a matrix to the next."""
    step = max(1, memory.row_bytes // np.dtype(dtype).itemsize)
    return int(-(-columns // step) * step)
