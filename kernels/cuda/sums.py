"""Sums over a block's threads and over blocks, always added up in the same order.

No float is added atomically: each block writes what it has to a place of its own, and a second
kernel adds those up, so that two runs give the same bits.
"""

import math
from functools import cache
from typing import Any

import numpy as np

from ..kernel import Kind, kernel
from ..native.arguments import Array
from .tile import COLUMNS, ROWS, THREADS, TILE, WARP, WARPS, WIDTH
from .vectors import Function, device

ELEMENTS, INTEGERS, DOUBLES = Kind.ELEMENTS, Kind.INTEGERS, Kind.DOUBLES
DOUBLE, COUNT = Kind.DOUBLE, Kind.COUNT


@cache
def block_total(real: Any) -> Function:
    """Make total(value, thread): the sum over the block's threads, in thread 0."""
    from numba import cuda

    @device
    def total(value: Any, thread: int) -> Any:
        parts = cuda.shared.array(THREADS, real)
        parts[thread] = value
        cuda.syncthreads()
        half = THREADS // 2
        while half > 0:
            if thread < half:
                parts[thread] += parts[thread + half]
            cuda.syncthreads()
            half //= 2
        return parts[0]

    return total


@cache
def column_totals(real: Any) -> Function:
    """Make totals(x): the sum of each column over a tile's rows, in the threads of its first row.

    x holds the thread's own sums, of four columns.
    """
    from numba import cuda

    @device
    def totals(x: Any) -> Any:
        parts = cuda.shared.array(TILE, real)
        row = cuda.threadIdx.y
        own = row * COLUMNS + WIDTH * cuda.threadIdx.x
        parts[own], parts[own + 1], parts[own + 2], parts[own + 3] = x
        cuda.syncthreads()
        half = ROWS // 2
        while half > 0:
            if row < half:
                other = own + half * COLUMNS
                parts[own] += parts[other]
                parts[own + 1] += parts[other + 1]
                parts[own + 2] += parts[other + 2]
                parts[own + 3] += parts[other + 3]
            cuda.syncthreads()
            half //= 2
        return parts[own], parts[own + 1], parts[own + 2], parts[own + 3]

    return totals


@cache
def warp_totals(real: Any) -> Function:
    """Make totals(x): the sum of each lane's x over the block's warps, in the first warp."""
    from numba import cuda

    @device
    def totals(x: Any) -> Any:
        parts = cuda.shared.array(THREADS, real)
        warp, own = cuda.threadIdx.y, cuda.threadIdx.y * WARP + cuda.threadIdx.x
        parts[own] = x
        cuda.syncthreads()
        half = WARPS // 2
        while half > 0:
            if warp < half:
                parts[own] += parts[own + half * WARP]
            cuda.syncthreads()
            half //= 2
        return parts[own]

    return totals


@kernel(parts=ELEMENTS, rows=COUNT, columns=COUNT, out=ELEMENTS)
def fold(real: Any) -> Function:
    """out_j = sum_i parts_ij, one thread a column."""
    from numba import cuda

    zero = real(0)

    def kernel(parts: Array, rows: int, columns: int, out: Array) -> None:
        j = cuda.grid(1)
        if j < columns:
            total = zero
            for i in range(rows):
                total += parts[i * columns + j]
            out[j] = total

    return kernel


@kernel(parts=ELEMENTS, count=COUNT, total=DOUBLES)
def collect(real: Any) -> Function:
    """total += sum_i parts_i, in float64; one block."""
    from numba import cuda

    block_sum, nought = block_total(np.float64), np.float64(0)

    def kernel(parts: Array, count: int, total: Array) -> None:
        thread = cuda.threadIdx.x
        mine = nought
        for i in range(thread, count, THREADS):
            mine += parts[i]
        collected = block_sum(mine, thread)
        if thread == 0:
            total[0] += collected

    return kernel


@kernel(parts=ELEMENTS, count=COUNT, largest=DOUBLE, factor=DOUBLES, norm=DOUBLES)
def clip_factor(real: Any) -> Function:
    """n = sqrt(sum_i parts_i), factor = min(1, largest / n), norm += n, in float64; one block."""
    from numba import cuda

    block_sum, nought, one = block_total(np.float64), np.float64(0), np.float64(1)

    def kernel(parts: Array, count: int, largest: float, factor: Array, norm: Array) -> None:
        thread = cuda.threadIdx.x
        mine = nought
        for i in range(thread, count, THREADS):
            mine += parts[i]
        length = math.sqrt(block_sum(mine, thread))
        if thread == 0:
            factor[0] = largest / length if length > largest else one
            norm[0] += length

    return kernel


@kernel(share=ELEMENTS, rows=COUNT, lead=COUNT, alpha=DOUBLE, decay=DOUBLES)
def normalize(real: Any) -> Function:
    """share /= sum(share), decay = alpha / sum(share), the sum in float64; one block."""
    from numba import cuda

    block_sum, nought = block_total(np.float64), np.float64(0)

    def kernel(share: Array, rows: int, lead: int, alpha: float, decay: Array) -> None:
        thread = cuda.threadIdx.x
        mine = nought
        for i in range(thread, rows, THREADS):
            mine += share[i * lead]
        total = block_sum(mine, thread)
        if thread == 0:
            decay[0] = alpha / total
        for i in range(thread, rows, THREADS):
            share[i * lead] = real(share[i * lead] / total)

    return kernel


@kernel(counter=INTEGERS, amount=COUNT)
def advance(real: Any) -> Function:
    """counter += amount; one thread."""
    from numba import cuda

    def kernel(counter: Array, amount: int) -> None:
        if cuda.threadIdx.x == 0:
            counter[0] += amount

    return kernel
