"""A GPU and its memory, made awkward: what is read must have been written, nothing is aligned."""

import numpy as np

from gpubackprop.backends.cuda.memory import DeviceMemory
from gpubackprop.kernels.cuda.device import CaptureError
from gpubackprop.memory import row_length


class Like:
    """A device that passes on what it does not do otherwise."""

    def __init__(self, gpu):
        self._gpu = gpu

    def __getattr__(self, name):
        return getattr(self._gpu, name)


class Poisoned(Like):
    """Fresh memory holds NaN."""

    def empty(self, size, dtype):
        with self._gpu:
            return self._gpu.cupy.full(size, np.nan, dtype)


class Uncaptured(Like):
    """No graphs."""

    def capture(self, launches):
        raise CaptureError("not on this one")


class NanBetweenRows(DeviceMemory):
    """What lies between the rows of a matrix is NaN."""

    def rows(self, values):
        rows, columns = values.shape
        lead = row_length(columns, values.dtype, self)
        with self._gpu:
            room = self.zeros(rows * lead, values.dtype)
            room.fill(np.nan)
            out = room.reshape(rows, lead)[:, :columns]
            out[...] = self._gpu.cupy.asarray(values)
        return out


class Packed(DeviceMemory):
    """No room between rows, and nothing on a boundary: the narrow way through."""

    row_bytes = 1

    def zeros(self, size, dtype):
        return super().zeros(size + 1, dtype)[1:]

    def put(self, values):
        out = self.zeros(values.size, values.dtype).reshape(values.shape)
        with self._gpu:
            out[...] = self._gpu.cupy.asarray(values)
        return out

    def rows(self, values):
        return self.put(values)
