"""Memory that primitives work in: the host's, which is the process's own, or a GPU's."""

import mmap
from collections.abc import Sequence
from contextlib import suppress
from itertools import accumulate
from typing import Any, Protocol

import numpy as np

from ..kernels.native.arguments import Array as Array
from ..kernels.native.arguments import address
from . import checkpointing

ALIGNMENT = 64
"""Bytes: a cache line and the widest vector register."""

_HUGE_PAGE_BYTES = 1 << 21
"""Bytes of a huge page."""


class Staging(Protocol):
    """Host buffers for rows of several matrices, and the copies of them that primitives read.

    A streamed epoch fills one staging while the primitives work on another.
    """

    @property
    def host(self) -> tuple[Array, ...]:
        """Matrices on the host, to fill once `wait` has returned."""

    @property
    def device(self) -> tuple[Array, ...]:
        """The matrices that primitives read."""

    def wait(self) -> None:
        """Return when every primitive that reads the rows sent last has ended."""

    def send(self, rows: int) -> None:
        """Copy the first rows over, for all primitives that are queued after this call."""

    def release(self) -> None:
        """Say that no primitive queued after this call reads the rows."""


class Capacity(Protocol):
    """Facts about a memory that a memory plan is made with."""

    @property
    def row_bytes(self) -> int:
        """Alignment of a matrix's rows, in bytes."""

    @property
    def keeps_epoch(self) -> bool:
        """Whether a step may fail half-way, so that the last epoch's state is worth a copy."""

    def available(self) -> int | None:
        """Bytes that may be allocated; None where the operating system decides."""


class Memory(Capacity, Protocol):
    """Allocates arrays, and moves values between the host and itself."""

    def zeros(self, size: int, dtype: Any) -> Array:
        """Zeros whose first element lies on a 64-byte boundary."""

    def several(self, sizes: Sequence[int], dtype: Any) -> list[Array]:
        """Zeros of each of these sizes."""

    def put(self, values: Array) -> Array:
        """Array in this memory with the values of a contiguous array of the host."""

    def rows(self, matrix: Array, dtype: Any = None) -> Array:
        """Matrix in this memory with the values of another, for its rows to be gathered.

        They are gathered into matrices of `dtype`, by default its own.
        """

    def write(self, out: Array, values: Array) -> None:
        """Copy values of the host into an array of this memory, of the same shape."""

    def read(self, array: Array) -> Array:
        """Values of an array of this memory, on the host."""

    def draft(self, array: Array) -> Array:
        """Host buffer shaped like `array`, to fill and `write`; on the host, `array` itself."""

    def holds(self, array: Array) -> bool:
        """Whether an array needs no copy to be read by primitives."""

    def staging(self, rows: int, widths: tuple[int, ...], dtype: Any) -> Staging:
        """Make staging for rows of matrices of these widths on their way to this memory."""


class Host:
    """The process's own memory: every move returns its argument."""

    row_bytes = 1
    keeps_epoch = False

    def zeros(self, size: int, dtype: Any) -> Array:
        """Zeros on a 64-byte boundary, of a huge page if that is filled."""
        return aligned_zeros(size, dtype)

    def several(self, sizes: Sequence[int], dtype: Any) -> list[Array]:
        """Zeros, side by side in one allocation: a deep network has a thousand small matrices."""
        step = ALIGNMENT // np.dtype(dtype).itemsize
        ends = list(accumulate(-(-size // step) * step for size in sizes))
        together = aligned_zeros(ends[-1] if ends else 0, dtype)
        starts = zip([0, *ends], sizes, strict=False)
        return [together[start : start + size] for start, size in starts]

    def put(self, values: Array) -> Array:
        """Return the values themselves."""
        return values

    def rows(self, matrix: Array, dtype: Any = None) -> Array:
        """Return the matrix itself: rows are converted as they are gathered."""
        return matrix

    def write(self, out: Array, values: Array) -> None:
        """Copy values, unless source and target are one array."""
        if out is not values:
            out[...] = values

    def read(self, array: Array) -> Array:
        """Return the array itself."""
        return array

    def draft(self, array: Array) -> Array:
        """Return the array itself."""
        return array

    def holds(self, array: Array) -> bool:
        """Return False: data of the host are counted like data that have to be moved."""
        return False

    def staging(self, rows: int, widths: tuple[int, ...], dtype: Any) -> Staging:
        """Raise: a plan streams data only where it counts bytes, see `available`."""
        raise RuntimeError("data on the host are gathered in place")

    def available(self) -> int | None:
        """Return None: the operating system decides."""
        return None


HOST = Host()


def aligned_zeros(size: int, dtype: Any) -> Array:
    """Zeros whose first element lies on a 64-byte boundary, of a huge page if that is filled."""
    dtype = np.dtype(dtype)
    length = size * dtype.itemsize
    huge = length >= _HUGE_PAGE_BYTES and hasattr(mmap, "MADV_HUGEPAGE")
    boundary = _HUGE_PAGE_BYTES if huge else ALIGNMENT
    buffer = (
        _huge_pages(length + _HUGE_PAGE_BYTES)
        if huge
        else np.zeros(length + ALIGNMENT, dtype=np.uint8)
    )
    start = -address(buffer) % boundary
    return buffer[start : start + length].view(dtype)


def _huge_pages(length: int) -> Array:
    """Zeros that the kernel may back with huge pages: epochs of 2 MB of weights vary less so."""
    try:
        memory = mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except (OSError, OverflowError):
        raise MemoryError(f"Unable to allocate {length / 2**30:.3g} GiB") from None
    with suppress(OSError):  # a kernel without huge pages refuses the advice
        memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, dtype=np.uint8)


def matrix(rows: int, columns: int, dtype: Any, memory: Memory) -> Array:
    """Matrix of zeros whose rows are aligned as the memory wants them."""
    (alone,) = matrices(rows, (columns,), (0,), dtype, memory)
    return alone


def matrices(
    rows: int, columns: Sequence[int], places: Sequence[int], dtype: Any, memory: Memory
) -> tuple[Array, ...]:
    """Matrices of zeros with these numbers of columns; those of equal places share memory."""
    known = {d: row_length(d, dtype, memory) for d in set(columns)}
    leads = [known[d] for d in columns]
    longest = checkpointing.longest(places, leads)
    room = memory.several([rows * lead for lead in longest.values()], dtype)
    buffers = dict(zip(longest, room, strict=True))
    found = []
    for d, lead, place in zip(columns, leads, places, strict=True):
        whole = buffers[place][: rows * lead].reshape(rows, lead)
        found.append(whole if lead == d else whole[:, :d])
    return tuple(found)


def row_length(columns: int, dtype: Any, memory: Capacity) -> int:
    """Elements from one row of a matrix to the next."""
    step = max(1, memory.row_bytes // np.dtype(dtype).itemsize)
    return int(-(-columns // step) * step)
