"""What stands in for a GPU: kernels in the simulator, products by the CPU's BLAS, NumPy arrays."""

from functools import cache, partial

import numpy as np

from gpubackprop.algorithm.memory import aligned_zeros, matrix, row_length
from gpubackprop.kernels import compiled
from gpubackprop.kernels.kernel import Kind, Launch
from tests.cuda.simulator import launch


@cache
def made(kernel, real):
    """The kernel's function, once for all its launches."""
    return kernel.loop(real)


def flat(array):
    """The memory of an array, from its first element to its last, as through a raw pointer."""
    steps = [stride // array.itemsize for stride in array.strides]
    length = 1 + sum((n - 1) * step for n, step in zip(array.shape, steps, strict=True))
    return np.lib.stride_tricks.as_strided(array, (length,), (array.itemsize,))


class StandIn:
    """A device of one multiprocessor whose threads run in an order that the seed decides.

    So few blocks fill it that a small matrix already makes each thread walk down the rows.
    """

    multiprocessors = 1

    def __init__(self, seed=0):
        self.seed, self.captured, self.roundings = seed, 0, set()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def address(self, array):
        return array.__array_interface__["data"][0]

    def zeros(self, size, dtype):
        return np.zeros(size, dtype)

    def empty(self, size, dtype):
        return np.full(size, np.nan, dtype)  # what is read must have been written

    def launch(self, kernel, grid, block, arguments):
        real = kernel.real(arguments)
        values = [
            flat(argument)
            if kind.is_array
            else int(argument)
            if kind is Kind.COUNT
            else dtype.type(argument)
            for kind, dtype, argument in kernel.in_order(arguments)
        ]
        self.seed += 1
        run = partial(launch, made(kernel, real), grid, block, values, self.seed)
        return Launch(kernel.name(real), run, tuple(arguments.values()))

    def product(self, A, B, C, rounding):
        self.roundings.add(rounding)
        return compiled.product(A, B, C)

    def capture(self, launches):
        self.captured += 1

        def replay():
            for each in launches:
                each.run()

        return Launch("graph", replay, tuple(launches))


class StandInMemory:
    """Memory apart from the process's: nothing is shared, and what lies between rows is NaN."""

    row_bytes = 16
    keeps_epoch = True

    def zeros(self, size, dtype):
        return aligned_zeros(size, dtype)

    def put(self, values):
        out = self.zeros(values.size, values.dtype).reshape(values.shape)
        out[...] = values
        return out

    def rows(self, values):
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

    def rows(self, values):
        start = int(values[0].nbytes % 16 == 0)
        room = super().zeros(values.size + start, values.dtype)[start:]
        out = room.reshape(values.shape)
        out[...] = values
        return out
