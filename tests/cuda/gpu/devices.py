"""A GPU made awkward: what is read must have been written, or there are no graphs."""

import numpy as np

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

    def capture(self, launches, beside=()):
        raise CaptureError("not on this one")
