"""What stands in for a device's memory: NumPy arrays that nobody else holds."""

import numpy as np

from gpubackprop.algorithm.memory import aligned_zeros, matrix, row_length


class StandInMemory:
    """Memory apart from the process's: nothing is shared, and what lies between rows is NaN."""

    row_bytes = 16
    keeps_epoch = True

    def zeros(self, size, dtype):
        return aligned_zeros(size, dtype)

    def several(self, sizes, dtype):
        return [self.zeros(size, dtype) for size in sizes]

    def put(self, values):
        out = self.zeros(values.size, values.dtype).reshape(values.shape)
        out[...] = values
        return out

    def rows(self, values, dtype=None):
        values = values.astype(dtype or values.dtype)
        rows, columns = values.shape
        lead = row_length(columns, values.dtype, self)
        room = self.zeros(rows * lead, values.dtype)
        room[...] = np.nan
        out = room.reshape(rows, lead)[:, :columns]
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


class PackedMemory(StandInMemory):
    """The same without room between rows, and off every boundary: the narrow way through.

    A matrix is off by its rows or else by its start, so that who forgets to look at one is found.
    """

    row_bytes = 1

    def zeros(self, size, dtype):
        return super().zeros(size + 1, dtype)[1:]

    def rows(self, values, dtype=None):
        values = values.astype(dtype or values.dtype)
        start = int(values[0].nbytes % 16 == 0)
        room = super().zeros(values.size + start, values.dtype)[start:]
        out = room.reshape(values.shape)
        out[...] = values
        return out
