"""What stands in for a GPU: kernels in the simulator, products by the CPU's BLAS."""

from functools import partial
from itertools import chain

import numpy as np

from gpubackprop.kernels import products
from gpubackprop.kernels.kernel import Kind, Launch
from tests.cuda.simulator import launch


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
        self.seed, self.captured, self.replayed, self.roundings = seed, 0, 0, set()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def address(self, array):
        return array.__array_interface__["data"][0]

    def zeros(self, size, dtype):
        return np.zeros(size, dtype)

    def full(self, size, value, dtype):
        return np.full(size, value, dtype)

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
        run = partial(launch, kernel.loop(real), grid, block, values, self.seed)
        return Launch(kernel.name(real), run, tuple(arguments.values()))

    def product(self, A, B, C, rounding):
        self.roundings.add(rounding)
        return products.by_blas(A, B, C)

    def all_reduce(self, total, ranks):
        return Launch("all_reduce", lambda: ranks.all_reduce(total), (total,))

    def capture(self, launches, beside=()):
        self.captured += 1
        branches = [launches, *(made for _, made in beside)]

        def replay():
            self.replayed += 1
            for each in chain(*reversed(branches)):  # no branch may count on another
                each.run()

        return Launch("graph", replay, tuple(chain(*branches)))

    def follow(self, other):
        pass
