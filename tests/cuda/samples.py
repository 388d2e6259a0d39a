"""Small kernels, bad in one way each."""

import math

from numba import cuda, float32
from numba.cuda import types

SIGNATURE = types.CPointer(types.float32), types.CPointer(types.float32), types.int64


def sigmoid(x, y, n):
    """Literals are float64, and so is what they meet."""
    i = cuda.grid(1)
    if i < n:
        y[i] = 1.0 / (1.0 + math.exp(-x[i]))


def histogram(x, y, n):
    """An index that is known late keeps an array out of registers."""
    own = cuda.local.array(40, float32)
    for i in range(40):
        own[i] = x[i]
    for i in range(n):
        own[int(x[40 + i])] += float32(1)
    for i in range(40):
        y[i] = own[i]


def crowd(x, y, n):
    """Sixty-four values that live at once, each in a register if there are as many."""
    own = cuda.local.array(64, float32)
    for i in range(64):
        own[i] = x[i * n]
    cuda.syncthreads()
    for i in range(64):
        y[i * n] = own[i] * own[63 - i]
