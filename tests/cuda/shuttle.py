"""Primitives of a device, called with NumPy arrays: so that one test body serves all backends."""

import numpy as np

from gpubackprop.kernels.masks import Mask
from gpubackprop.kernels.optimizers import L2, SGD, Adam, Lion, RMSProp


class Shuttle:
    """Copies each array to the device's memory, calls a primitive, copies each array back.

    Arguments that share memory here share it there.
    """

    def __init__(self, kernels, memory):
        self._kernels, self._memory = kernels, memory

    def __getattr__(self, name):
        primitive = getattr(self._kernels, name)

        def call(*arguments):
            there = {}
            moved = [self._moved(there, argument) for argument in arguments]
            primitive(*moved)
            for here, copy in there.values():
                if here.flags.writeable:
                    here[...] = self._memory.read(copy)

        return call

    def _moved(self, there, argument):
        if isinstance(argument, (SGD, Adam, RMSProp, Lion, L2, Mask)):
            return argument._make(self._moved(there, part) for part in argument)
        if not isinstance(argument, np.ndarray):
            return argument
        lie = argument.__array_interface__["data"][0], argument.shape, argument.strides
        if lie not in there:
            move = self._memory.rows if argument.ndim == 2 else self._memory.put
            there[lie] = argument, move(argument)
        return there[lie][1]
