"""A GPU's memory, through CuPy."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ...algorithm.memory import Array, Staging, matrix, row_length
from ...kernels.cuda.gpu import Gpu
from ...kernels.cuda.tile import WIDEST
from .shared_rows import find_or_move

PIECE_BYTES = 64 << 20
"""Bytes of a matrix that are moved at a time."""
_STAGED_BYTES = 64 << 10
"""Bytes that CUDA copies away before it returns; the source of more must not change meanwhile."""


class DeviceMemory:
    """Memory of one GPU; every transfer is queued on its stream."""

    row_bytes = WIDEST
    """Tensor cores want it as well."""
    keeps_epoch = True

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu

    def zeros(self, size: int, dtype: Any) -> Array:
        """Zeros on a boundary of 512 bytes."""
        return self._gpu.zeros(size, np.dtype(dtype))

    def several(self, sizes: Sequence[int], dtype: Any) -> list[Array]:
        """Zeros, each by itself: many small pieces find room where one large one does not."""
        return [self.zeros(size, dtype) for size in sizes]

    def put(self, values: Array) -> Array:
        """Copy values to the device, unless they are on it."""
        with self._gpu:
            copy: Array = self._gpu.cupy.asarray(values)
        return copy

    def rows(self, values: Array, dtype: Any = None) -> Array:
        """Return a matrix if it is on the device, else a copy, whose rows start 16-byte-aligned.

        A fit that runs on equal rows of the host may have made the copy.
        """
        dtype = np.dtype(dtype or values.dtype)
        if self.holds(values):
            contiguous = values.strides[1] == values.itemsize
            return values if contiguous and values.dtype == dtype else self._copied(values, dtype)
        with self._gpu:
            device = int(self._gpu.cupy.cuda.Device().id)
        return find_or_move(self, values, (device, dtype), partial(self._moved, values, dtype))

    def _moved(self, values: Array, dtype: np.dtype[Any]) -> Array:
        """Copy a matrix of the host, and wait: another fit's stream may read the copy next."""
        copy = self._copied(values, dtype)
        self._gpu.stream.synchronize()
        return copy

    def _copied(self, values: Array, dtype: np.dtype[Any]) -> Array:
        """Copy a matrix, which is converted on the device, a piece at a time."""
        rows, columns = values.shape
        room = matrix(rows, columns, dtype, self)
        step = max(1, PIECE_BYTES // (columns * values.itemsize))
        with self._gpu:
            for start in range(0, rows, step):  # a second copy of all might not fit
                piece = values[start : start + step]
                room[start : start + step] = self._gpu.cupy.asarray(piece)
        return room

    def write(self, out: Array, values: Array) -> None:
        """Copy values to an array of the device."""
        with self._gpu:
            out.set(np.ascontiguousarray(values, dtype=out.dtype))  # type: ignore[attr-defined]
            if values.nbytes > _STAGED_BYTES:
                self._gpu.stream.synchronize()

    def read(self, array: Array) -> Array:
        """Copy values from the device, once all that was queued has run."""
        with self._gpu:
            values: Array = array.get()  # type: ignore[attr-defined]
        return values

    def draft(self, array: Array) -> Array:
        """Zeros."""
        return np.zeros(array.shape, array.dtype)

    def staging(self, rows: int, widths: tuple[int, ...], dtype: Any) -> Staging:
        """Pinned memory of the process, and as much on the device."""
        return _PinnedStaging(self, self._gpu, rows, widths, np.dtype(dtype))

    def available(self) -> int:
        """Bytes that CuPy may still allocate, its limit regarded."""
        with self._gpu:
            pool = self._gpu.cupy.get_default_memory_pool()
            free, _ = self._gpu.cupy.cuda.runtime.memGetInfo()
            free += pool.free_bytes()
            limit = pool.get_limit()
        return min(free, limit - pool.used_bytes()) if limit else int(free)

    def holds(self, array: Array) -> bool:
        """Whether it is one of CuPy's."""
        return isinstance(array, self._gpu.cupy.ndarray)


class _PinnedStaging:
    """Rows that are copied by a stream of their own, beside what the device computes."""

    def __init__(
        self,
        memory: DeviceMemory,
        gpu: Gpu,
        rows: int,
        widths: tuple[int, ...],
        dtype: np.dtype[Any],
    ) -> None:
        self._gpu = gpu
        leads = [row_length(width, dtype, memory) for width in widths]
        # rows as far apart on the host as on the device, so that a window is one copy
        self._on_device = [gpu.zeros(rows * lead, dtype).reshape(rows, lead) for lead in leads]
        self._on_host = [gpu.pinned((rows, lead), dtype) for lead in leads]
        with gpu:
            self._copies = gpu.cupy.cuda.Stream(non_blocking=True)
            self._sent, self._released = (
                gpu.cupy.cuda.Event(disable_timing=True) for _ in range(2)
            )
            gpu.stream.synchronize()  # the copies' stream must not overtake the zeros
        self.host = _narrowed(self._on_host, widths)
        self.device = _narrowed(self._on_device, widths)

    def wait(self) -> None:
        """Return when the copy is through and what computed on it."""
        self._sent.synchronize()
        self._released.synchronize()

    def send(self, rows: int) -> None:
        """Copy the first rows; the device's own stream waits for that, the process does not."""
        for source, target in zip(self._on_host, self._on_device, strict=True):
            target[:rows].set(source[:rows], stream=self._copies)  # type: ignore[attr-defined]
        self._sent.record(self._copies)
        self._gpu.stream.wait_event(self._sent)

    def release(self) -> None:
        """Note what is queued: all that reads these rows."""
        self._released.record(self._gpu.stream)


def _narrowed(rooms: list[Array], widths: tuple[int, ...]) -> tuple[Array, ...]:
    return tuple(room[:, :width] for room, width in zip(rooms, widths, strict=True))
