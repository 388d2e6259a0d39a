"""Memory made awkward: what lies between rows is NaN, or nothing starts on a boundary."""

import numpy as np

from gpubackprop.algorithm.memory import aligned_zeros, matrix, row_length


class NanBetweenRows:
    """What lies between the rows of a matrix is NaN."""

    def rows(self, values, dtype=None):
        rows, columns = values.shape
        dtype = np.dtype(dtype or values.dtype)
        room = np.full((rows, row_length(columns, dtype, self)), np.nan, dtype)
        room[:, :columns] = values
        return self.put(room)[:, :columns]


class Packed:
    """No room between rows, and off every boundary: the narrow way through.

    A matrix is off by its rows or else by its start, so that who forgets to look at one is found.
    """

    row_bytes = 1

    def zeros(self, size, dtype):
        return super().zeros(size + 1, dtype)[1:]

    def put(self, values):
        return self._off(values, 1)

    def rows(self, values, dtype=None):
        values = values.astype(dtype or values.dtype)
        return self._off(values, int(values[0].nbytes % 16 == 0))

    def _off(self, values, start):
        room = np.zeros(start + values.size, values.dtype)
        room[start:] = values.ravel()
        return super().put(room)[start:].reshape(values.shape)


class StandInMemory(NanBetweenRows):
    """A device's memory: NumPy arrays that nobody else holds, apart from the process's."""

    row_bytes = 16
    keeps_epoch = True

    def zeros(self, size, dtype):
        return aligned_zeros(size, dtype)

    def several(self, sizes, dtype):
        return [self.zeros(size, dtype) for size in sizes]

    def put(self, values):
        out = aligned_zeros(values.size, values.dtype).reshape(values.shape)
        out[...] = values
        return out

    def write(self, out, values):
        out[...] = values

    def read(self, array):
        return array.copy()

    def draft(self, array):
        return np.zeros(array.shape, array.dtype)

    def available(self):
        return None

    def holds(self, array):
        return False

    def staging(self, rows, widths, dtype):
        return StandInStaging(self, rows, widths, dtype)


class StandInStaging:
    """Room apart from the device's; what is not sent anew is gone."""

    def __init__(self, memory, rows, widths, dtype):
        self.host = tuple(matrix(rows, width, dtype, memory) for width in widths)
        self.device = tuple(matrix(rows, width, dtype, memory) for width in widths)

    def wait(self):
        for here in self.host:
            here[...] = np.nan

    def send(self, rows):
        for here, there in zip(self.host, self.device, strict=True):
            there[...] = np.nan
            there[:rows] = here[:rows]

    def release(self):
        for there in self.device:
            there[...] = np.nan


class PackedMemory(Packed, StandInMemory):
    """The same, packed."""
