"""What the tests of the simulator itself share: seeds, memory to write, a kernel that is right."""

import numpy as np
from numba import cuda, float32

SEEDS = range(20)
ALL = 0xFFFFFFFF
"""Mask of a whole warp."""


def nans(n):
    return np.full(n, np.nan, np.float32)


@cuda.jit(device=True)
def warp_sum(value):
    width = 16
    while width:
        value += cuda.shfl_xor_sync(ALL, value, width)
        width //= 2
    return value


@cuda.jit(device=True)
def block_sum(value):
    """Sum over a block, in its thread 0."""
    partial = cuda.shared.array(32, float32)
    value = warp_sum(value)
    if cuda.threadIdx.x % 32 == 0:
        partial[cuda.threadIdx.x // 32] = value
    cuda.syncthreads()
    value = partial[cuda.threadIdx.x] if cuda.threadIdx.x < cuda.blockDim.x // 32 else float32(0)
    return warp_sum(value) if cuda.threadIdx.x < 32 else value


@cuda.jit
def row_sums(x, width, out):
    total, j = float32(0), cuda.threadIdx.x
    while j < width:
        total += x[cuda.blockIdx.x * width + j]
        j += cuda.blockDim.x
    total = block_sum(total)
    if cuda.threadIdx.x == 0:
        out[cuda.blockIdx.x] = total
