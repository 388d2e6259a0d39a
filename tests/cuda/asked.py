"""Every kernel that the primitives can ask a device for; nothing is compiled or run."""

from importlib import import_module
from inspect import getmembers, isfunction
from pkgutil import iter_modules

import numpy as np

from gpubackprop.kernels import cuda
from gpubackprop.kernels.calls import executed
from gpubackprop.kernels.cuda.primitives import Primitives
from gpubackprop.kernels.formulas import ELEMENTWISE, PAIRINGS, Activation, AdamForm
from gpubackprop.kernels.kernel import Kernel, Launch
from gpubackprop.kernels.masks import Mask
from gpubackprop.kernels.optimizers import L2, SGD, Adam, Lion, RMSProp


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

    def full(self, size, value, dtype):
        return np.full(size, value, dtype)

    def launch(self, kernel, grid, block, arguments):
        kernel.in_order(arguments)
        self.asked[kernel, kernel.real(arguments)] = grid
        return NOTHING

    def product(self, A, B, C, rounding):
        return NOTHING

    def all_reduce(self, total, ranks):
        return NOTHING


NOTHING = Launch("nothing", lambda: None, ())


def kernels_asked_for(real):
    """Kernels with their floating-point types, after every primitive was called in every way."""
    listener = Listener()
    kernels = executed(Primitives(listener))
    for name, ways in calls(np.dtype(real)).items():
        for arguments in ways:
            getattr(kernels, name)(*arguments)
    return list(listener.asked)


def primitive_names():
    return {name for name, _ in getmembers(Primitives, isfunction) if not name.startswith("_")}


def calls(real):
    """Arguments of each primitive: one set for each way to another kernel.

    The matrices are so tall that their columns are added up in two stages.
    """
    M, other = np.zeros((2, 1000, 8), real)
    W, b, share = np.zeros((8, 8), real), np.zeros(8, real), np.zeros((1000, 1), real)
    order, counter, one = np.zeros(1000, np.int64), np.zeros(1, np.int64), np.zeros(1)
    pairs = [(activation, loss) for loss, fit in PAIRINGS.items() for activation in fit]
    output = [(M, M, share, *pair, M, one) for pair in pairs]
    mask = Mask(0.5, 1, 2, counter, order, counter)
    adam = Adam(b, b, counter, one, 0.9, 0.999, 1e-8)
    hidden = [(M, W, M, activation, M) for activation in (*ELEMENTWISE, None)]
    reading_Z = [activation for activation in ELEMENTWISE if activation.reads_pre_activation]
    return {
        "gather": [(M, order, counter, M)],
        "advance": [(counter, 1)],
        "normalize": [(share, 0.5, one)],
        "dense": [(M, W, b, activation, Z, M) for activation in Activation for Z in (M, other)],
        "dense_and_slope": [(M, W, b, activation, M, other) for activation in reading_Z],
        "dropout": [(M, mask, M)],
        "dropout_delta": [(M, mask, other)],
        "output_delta": output,
        "output_delta_and_bias_grad": [(*arguments, b) for arguments in output],
        "softmax_output_layer": [(M, W, b, M, M, share, M, one, b)],
        "add": [(b, b)],
        "all_reduce": [(b, None)],
        "weight_grad": [(M, M, W)],
        "bias_grad": [(M, b)],
        "hidden_delta": hidden,
        "hidden_delta_and_bias_grad": [(*arguments, b) for arguments in hidden],
        "sgd": [(b, b, SGD(b, one, 0.9, True), L2(4, one, one))],
        "clip": [(b, 1.0, one)],
        "adam": [(b, b, adam._replace(form=form), L2(4, one, one)) for form in AdamForm],
        "rmsprop": [(b, b, RMSProp(b, one, 0.99, 1e-8), L2(4, one, one))],
        "lion": [(b, b, Lion(b, one, 0.9, 0.99), L2(4, one, one))],
    }


def declared():
    """Every kernel that a module of the package declares."""
    found = iter_modules(cuda.__path__, f"{cuda.__name__}.")
    modules = [import_module(each.name) for each in found]
    members = (value for module in modules for _, value in getmembers(module))
    return {value for value in members if isinstance(value, Kernel)}
