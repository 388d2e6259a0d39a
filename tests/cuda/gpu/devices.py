"""A GPU and its memory, made awkward: what is read must have been written, nothing is aligned."""

import numpy as np

from gpubackprop.algorithm.memory import row_length
from gpubackprop.backends.cuda.memory import DeviceMemory
from gpubackprop.kernels.cuda.device import CaptureError


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
    """No room between rows, and off every boundary: the narrow way through.

    A matrix is off by its rows or else by its start, so that who forgets to look at one is found.
    """

    row_bytes = 1

    def zeros(self, size, dtype):
        return super().zeros(size + 1, dtype)[1:]

    def put(self, values):
        return self._copied(self.zeros(values.size, values.dtype), values)

    def rows(self, values):
        start = int(values[0].nbytes % 16 == 0)
        return self._copied(super().zeros(values.size + start, values.dtype)[start:], values)

    def _copied(self, room, values):
        out = room.reshape(values.shape)
        with self._gpu:
            out[...] = self._gpu.cupy.asarray(values)
        return out
