"""A GPU's memory, through CuPy."""

from typing import Any

import numpy as np

from ...kernels.cuda.gpu import Gpu
from ...memory import Array, matrix


class DeviceMemory:
    """Memory of one GPU; every transfer is queued on its stream.

    Parameters
    ----------
    gpu : Gpu
        Whose memory.
    """

    row_bytes = 16
    """The widest load; tensor cores want it as well."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu

    def zeros(self, size: int, dtype: Any) -> Array:
        """Zeros on a boundary of 512 bytes."""
        return self._gpu.zeros(size, np.dtype(dtype))

    def put(self, values: Array) -> Array:
        """Copy values to the device, unless they lie there."""
        with self._gpu:
            copy: Array = self._gpu.cupy.asarray(values)
        return copy

    def rows(self, values: Array) -> Array:
        """Copy a matrix to the device, its rows on boundaries of 16 bytes, unless it lies so."""
        if self._is_here(values) and values.strides[1] == values.itemsize:
            return values
        room = matrix(*values.shape, values.dtype, self)
        with self._gpu:
            room[...] = self._gpu.cupy.asarray(values)
        return room

    def write(self, out: Array, values: Array) -> None:
        """Copy values to an array of the device."""
        with self._gpu:
            out.set(np.ascontiguousarray(values, dtype=out.dtype))  # type: ignore[attr-defined]

    def read(self, array: Array) -> Array:
        """Copy values from the device, once all that was queued has run."""
        with self._gpu:
            values: Array = array.get()  # type: ignore[attr-defined]
        return values

    def _is_here(self, values: Array) -> bool:
        return isinstance(values, self._gpu.cupy.ndarray)
