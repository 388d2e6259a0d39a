"""Every kernel that the primitives can ask a device for; nothing is compiled or run."""

from inspect import getmembers, isfunction, signature
from pkgutil import iter_modules

import numpy as np

from gpubackprop.kernels import cuda
from gpubackprop.kernels.cuda.primitives import Primitives
from gpubackprop.kernels.formulas import ELEMENTWISE, PAIRINGS, Activation
from gpubackprop.kernels.optimizers import L2, SGD, Adam


class Listener:
    """A device that keeps what it is asked for."""

    multiprocessors = 2

    def __init__(self):
        self.asked = {}

    def address(self, array):
        return array.ctypes.data

    def zeros(self, size, dtype):
        return np.zeros(size, dtype)

    empty = zeros

    def launch(self, kernel, real, grid, block, arguments):
        kernel.check(real, arguments)
        self.asked[kernel, real] = grid
        return do_nothing

    def product(self, A, B, C, rounding):
        return do_nothing


def do_nothing():
    pass


def kernels_asked_for(real):
    """Kernels with their floating-point types, after every primitive was called in every way."""
    listener = Listener()
    primitives = Primitives(listener)
    for name, ways in calls(np.dtype(real)).items():
        for arguments in ways:
            getattr(primitives, name)(*arguments)
    return list(listener.asked)


def primitive_names():
    return {name for name, method in getmembers(Primitives, isfunction) if hasattr(method, "plan")}


def calls(real):
    """Arguments of each primitive: one set for each way to another kernel.

    The matrices are so tall that their columns are added up in two stages.
    """
    M, other = np.zeros((2, 1000, 8), real)
    W, b, share = np.zeros((8, 8), real), np.zeros(8, real), np.zeros((1000, 1), real)
    order, counter, one = np.zeros(1000, np.int64), np.zeros(1, np.int64), np.zeros(1)
    pairs = [(activation, loss) for loss, fit in PAIRINGS.items() for activation in fit]
    output = [(M, M, share, *pair, M, one) for pair in pairs]
    hidden = [(M, W, M, activation, M) for activation in ELEMENTWISE]
    return {
        "gather": [(M, order, counter, M)],
        "advance": [(counter, 1)],
        "normalize": [(share, 0.5, one)],
        "dense": [(M, W, b, activation, Z, M) for activation in Activation for Z in (M, other)],
        "output_delta": output,
        "output_delta_and_bias_grad": [(*arguments, b) for arguments in output],
        "softmax_output_layer": [(M, W, b, M, M, share, M, one, b)],
        "add": [(b, b)],
        "weight_grad": [(M, M, W)],
        "bias_grad": [(M, b)],
        "hidden_delta": hidden,
        "hidden_delta_and_bias_grad": [(*arguments, b) for arguments in hidden],
        "sgd": [(b, b, SGD(b, one, 0.9, True), L2(4, one, one))],
        "adam": [(b, b, Adam(b, b, counter, one, 0.9, 0.999, 1e-8), L2(4, one, one))],
    }


def factories():
    """Public functions of the package that make something for a floating-point type."""
    found = set()
    for module in iter_modules(cuda.__path__, f"{cuda.__name__}."):
        for name, function in getmembers(__import__(module.name, fromlist=["*"]), isfunction):
            first = next(iter(signature(function).parameters), None)
            if function.__module__ == module.name and first == "real" and name[0] != "_":
                found.add(f"{module.name.rpartition('.')[2]}.{name}")
    return found
