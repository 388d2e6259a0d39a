"""The passes over a mini-batch, one factory each: read once, computed in registers, written once.

A factory takes the floating-point type, and the activation or loss it is specialised for, and
returns the kernel. Matrices arrive as a pointer to their first element and the elements from one
row to the next (`lead`); `aligned` says that every row starts on a 16-byte boundary.
"""

import math
from functools import cache
from typing import Any

import numpy as np

from ..elementary import Elementary
from ..elementwise import error_of, loss_of, pull_back, sigma, sigma_and_slope
from ..formulas import Activation, Loss
from ..kernel import Kind, kernel
from ..masks import DRAWS
from ..native.arguments import Array
from ..philox import HALF, LOW, philox
from .sums import block_total, column_totals, warp_totals
from .tile import COLUMNS, LANES, ROWS, WARP, WARPS, WIDTH
from .vectors import Function, device, each, each_twice, fours, in_threes, pairwise

ELEMENTS, INTEGERS, NUMBER, COUNT = Kind.ELEMENTS, Kind.INTEGERS, Kind.NUMBER, Kind.COUNT

_FUNCTIONS = Elementary(math.exp, math.expm1, math.log, math.log1p)
"""CUDA's own, correct to a unit or two in the last place."""
_ALL = 0xFFFFFFFF
"""All lanes of a warp."""


@kernel(
    X=ELEMENTS,
    row_stride=COUNT,
    column_stride=COUNT,
    order=INTEGERS,
    cursor=INTEGERS,
    out=ELEMENTS,
    rows=COUNT,
    columns=COUNT,
    lead=COUNT,
    aligned=COUNT,
)
def gather(real: Any) -> Function:
    """out_i = X[order[cursor + i]]."""
    from numba import cuda

    four = fours(real)

    def kernel(
        X: Array,
        row_stride: int,
        column_stride: int,
        order: Array,
        cursor: Array,
        out: Array,
        rows: int,
        columns: int,
        lead: int,
        aligned: int,
    ) -> None:
        j = COLUMNS * cuda.blockIdx.x + WIDTH * cuda.threadIdx.x
        count = columns - j
        start = cursor[0]
        for i in range(ROWS * cuda.blockIdx.y + cuda.threadIdx.y, rows, ROWS * cuda.gridDim.y):
            at = order[start + i] * row_stride + j * column_stride
            if column_stride == 1:
                four.store(out, i * lead + j, count, aligned, four.load(X, at, count, aligned))
            else:
                for k in range(min(count, WIDTH)):
                    out[i * lead + j + k] = X[at + k * column_stride]

    return kernel


@kernel(Z=ELEMENTS, b=ELEMENTS, out=ELEMENTS, rows=COUNT, columns=COUNT, lead=COUNT, aligned=COUNT)
def activate(real: Any, activation: Activation) -> Function:
    """out = sigma(Z + b); out may be Z."""
    from numba import cuda

    four = fours(real)
    load, store, add = four.load, four.store, four.add
    activated = each(sigma(real, activation, _FUNCTIONS))

    def kernel(
        Z: Array, b: Array, out: Array, rows: int, columns: int, lead: int, aligned: int
    ) -> None:
        j = COLUMNS * cuda.blockIdx.x + WIDTH * cuda.threadIdx.x
        count = columns - j
        bias = load(b, j, count, aligned)
        for i in range(ROWS * cuda.blockIdx.y + cuda.threadIdx.y, rows, ROWS * cuda.gridDim.y):
            at = i * lead + j
            store(out, at, count, aligned, activated(add(load(Z, at, count, aligned), bias)))

    return kernel


@kernel(Z=ELEMENTS, b=ELEMENTS, out=ELEMENTS, rows=COUNT, columns=COUNT, lead=COUNT, aligned=COUNT)
def activate_and_slope(real: Any, activation: Activation) -> Function:
    """out = sigma(Z + b) and Z = sigma'(Z + b), where sigma' is written with Z."""
    from numba import cuda

    four = fours(real)
    load, store, add = four.load, four.store, four.add
    both = each_twice(sigma_and_slope(real, activation, _FUNCTIONS))

    def kernel(
        Z: Array, b: Array, out: Array, rows: int, columns: int, lead: int, aligned: int
    ) -> None:
        j = COLUMNS * cuda.blockIdx.x + WIDTH * cuda.threadIdx.x
        count = columns - j
        bias = load(b, j, count, aligned)
        for i in range(ROWS * cuda.blockIdx.y + cuda.threadIdx.y, rows, ROWS * cuda.gridDim.y):
            at = i * lead + j
            a, slope = both(add(load(Z, at, count, aligned), bias))
            store(out, at, count, aligned, a)
            store(Z, at, count, aligned, slope)

    return kernel


@kernel(A=ELEMENTS, b=ELEMENTS, rows=COUNT, columns=COUNT, lead=COUNT, aligned=COUNT)
def softmax(real: Any) -> Function:
    """A = softmax(A + b), in place, a warp a row.

    One pass finds the largest and the sum, which is scaled down where a larger one is met (Milakov
    and Gimelshein, "Online normalizer calculation for softmax", 2018); the second one writes.
    """
    from numba import cuda

    four = fours(real)
    load, add, lowest = four.load, four.add, real(np.finfo(real).min)
    warp_total, warp_largest = _across_warp(_sum), _across_warp(_larger)
    nothing, larger = real(-math.inf), device(_larger)
    zero, one = real(0), real(1)
    exponentials = device(
        lambda z, top: (
            math.exp(z[0] - top),
            math.exp(z[1] - top),
            math.exp(z[2] - top),
            math.exp(z[3] - top),
        )
    )

    @device
    def logits(A: Array, b: Array, row: int, j: int, columns: int, aligned: int) -> Any:
        count = columns - j
        z = add(load(A, row + j, count, aligned), load(b, j, count, aligned))
        return four.first(z, count, nothing)

    def kernel(A: Array, b: Array, rows: int, columns: int, lead: int, aligned: int) -> None:
        first = WIDTH * cuda.threadIdx.x
        for i in range(WARPS * cuda.blockIdx.x + cuda.threadIdx.y, rows, WARPS * cuda.gridDim.x):
            row, top, total = i * lead, lowest, zero
            for j in range(first, columns, WIDTH * WARP):
                z = logits(A, b, row, j, columns, aligned)
                highest = larger(larger(larger(z[0], z[1]), larger(z[2], z[3])), top)
                total = total * math.exp(top - highest) + four.total(exponentials(z, highest))
                top = highest
            highest = warp_largest(top)
            share = one / warp_total(total * math.exp(top - highest))
            for j in range(first, columns, WIDTH * WARP):
                a = exponentials(logits(A, b, row, j, columns, aligned), highest)
                four.store(A, row + j, columns - j, aligned, four.scale(share, a))

    return kernel


@kernel(
    A=ELEMENTS,
    out=ELEMENTS,
    threshold=COUNT,
    scale=NUMBER,
    key=COUNT,
    layer=COUNT,
    seen=INTEGERS,
    place=INTEGERS,
    cursor=INTEGERS,
    rows=COUNT,
    columns=COUNT,
    lead=COUNT,
    aligned=COUNT,
)
def dropout(real: Any) -> Function:
    """out = A (.) M; a thread draws the block of its four columns, and uses half of it."""
    from numba import cuda

    four, block, zero = fours(real), device(philox), real(0)
    load, store, draw = four.load, four.store, np.uint64(0xFFFF)
    shifts = np.uint64(16), np.uint64(32), np.uint64(48)

    @device
    def dropped(x: Any, bits: Any, threshold: Any, scale: Any) -> Any:
        return (
            scale * x[0] + zero if bits & draw >= threshold else -zero,
            scale * x[1] + zero if bits >> shifts[0] & draw >= threshold else -zero,
            scale * x[2] + zero if bits >> shifts[1] & draw >= threshold else -zero,
            scale * x[3] + zero if bits >> shifts[2] >= threshold else -zero,
        )

    def kernel(
        A: Array,
        out: Array,
        threshold: int,
        scale: float,
        key: int,
        layer: int,
        seen: Array,
        place: Array,
        cursor: Array,
        rows: int,
        columns: int,
        lead: int,
        aligned: int,
    ) -> None:
        j = COLUMNS * cuda.blockIdx.x + WIDTH * cuda.threadIdx.x
        count = columns - j
        c, k, l = np.uint64(j // DRAWS), np.uint64(key), np.uint64(layer)
        upper, lowest = j % DRAWS != 0, np.uint64(threshold)
        for i in range(ROWS * cuda.blockIdx.y + cuda.threadIdx.y, rows, ROWS * cuda.gridDim.y):
            n, at = np.uint64(seen[0] + place[cursor[0] + i]), i * lead + j
            x, y = block(n >> HALF, n & LOW, c, l, k)
            values = dropped(load(A, at, count, aligned), y if upper else x, lowest, scale)
            store(out, at, count, aligned, values)

    return kernel


@kernel(
    dropped=ELEMENTS,
    scale=NUMBER,
    delta=ELEMENTS,
    rows=COUNT,
    columns=COUNT,
    lead=COUNT,
    aligned=COUNT,
)
def dropout_delta(real: Any) -> Function:
    """delta = delta (.) M, in place: 0 where `dropped` is -0."""
    from numba import cuda

    four, zero, one = fours(real), real(0), real(1)
    load, store = four.load, four.store
    pulled = pairwise(lambda d, a: zero if a == zero and math.copysign(one, a) < zero else d)

    def kernel(
        dropped: Array,
        scale: float,
        delta: Array,
        rows: int,
        columns: int,
        lead: int,
        aligned: int,
    ) -> None:
        j = COLUMNS * cuda.blockIdx.x + WIDTH * cuda.threadIdx.x
        count = columns - j
        for i in range(ROWS * cuda.blockIdx.y + cuda.threadIdx.y, rows, ROWS * cuda.gridDim.y):
            at = i * lead + j
            d = pulled(load(delta, at, count, aligned), load(dropped, at, count, aligned))
            store(delta, at, count, aligned, four.scale(scale, d))

    return kernel


@kernel(
    delta=ELEMENTS,
    saved=ELEMENTS,
    sums=ELEMENTS,
    rows=COUNT,
    columns=COUNT,
    lead=COUNT,
    aligned=COUNT,
)
def hadamard(real: Any, activation: Activation | None = None) -> Function:
    """delta = delta (.) sigma'(Z), from what was saved, in place; column sums, a row a block."""
    from numba import cuda

    four = fours(real)
    load, store, add = four.load, four.store, four.add
    pulled = pairwise(pull_back(real, activation, _FUNCTIONS))
    totals, put = column_totals(real), _put_totals(real)
    zero = real(0)

    def kernel(
        delta: Array,
        saved: Array,
        sums: Array,
        rows: int,
        columns: int,
        lead: int,
        aligned: int,
    ) -> None:
        j = COLUMNS * cuda.blockIdx.x + WIDTH * cuda.threadIdx.x
        count = columns - j
        mine = (zero, zero, zero, zero)
        for i in range(ROWS * cuda.blockIdx.y + cuda.threadIdx.y, rows, ROWS * cuda.gridDim.y):
            at = i * lead + j
            d = pulled(load(delta, at, count, aligned), load(saved, at, count, aligned))
            store(delta, at, count, aligned, d)
            mine = add(mine, d)
        put(sums, columns, j, totals(mine))

    return kernel


@kernel(delta=ELEMENTS, sums=ELEMENTS, rows=COUNT, columns=COUNT, lead=COUNT, aligned=COUNT)
def bias_grad(real: Any) -> Function:
    """Column sums of delta, a row of them for each row of blocks."""
    from numba import cuda

    four = fours(real)
    load, add = four.load, four.add
    totals, put = column_totals(real), _put_totals(real)
    zero = real(0)

    def kernel(delta: Array, sums: Array, rows: int, columns: int, lead: int, aligned: int) -> None:
        j = COLUMNS * cuda.blockIdx.x + WIDTH * cuda.threadIdx.x
        count = columns - j
        mine = (zero, zero, zero, zero)
        for i in range(ROWS * cuda.blockIdx.y + cuda.threadIdx.y, rows, ROWS * cuda.gridDim.y):
            mine = add(mine, load(delta, i * lead + j, count, aligned))
        put(sums, columns, j, totals(mine))

    return kernel


@kernel(
    A=ELEMENTS,
    Y=ELEMENTS,
    share=ELEMENTS,
    constant=ELEMENTS,
    delta=ELEMENTS,
    sums=ELEMENTS,
    losses=ELEMENTS,
    rows=COUNT,
    columns=COUNT,
    lead=COUNT,
    Y_lead=COUNT,
    share_lead=COUNT,
    aligned=COUNT,
)
def output_delta(real: Any, loss: Loss) -> Function:
    """delta_i = share_i error_i; the losses and the column sums of delta, for each block."""
    from numba import cuda

    four = fours(real)
    load, store, add = four.load, four.store, four.add
    error = in_threes(error_of(real, loss, _FUNCTIONS))
    losses_of = in_threes(loss_of(real, loss, real, _FUNCTIONS))
    totals, put, block_sum = column_totals(real), _put_totals(real), block_total(real)
    zero = real(0)

    def kernel(
        A: Array,
        Y: Array,
        share: Array,
        constant: Array,
        delta: Array,
        sums: Array,
        losses: Array,
        rows: int,
        columns: int,
        lead: int,
        Y_lead: int,
        share_lead: int,
        aligned: int,
    ) -> None:
        j = COLUMNS * cuda.blockIdx.x + WIDTH * cuda.threadIdx.x
        count = columns - j
        c = load(constant, j, count, 0)
        mine, loss_sum = (zero, zero, zero, zero), zero
        for i in range(ROWS * cuda.blockIdx.y + cuda.threadIdx.y, rows, ROWS * cuda.gridDim.y):
            at, weight = i * lead + j, share[i * share_lead]
            a, y = load(A, at, count, aligned), load(Y, i * Y_lead + j, count, aligned)
            d = four.scale(weight, error(a, y, c))
            store(delta, at, count, aligned, d)
            mine = add(mine, d)
            loss_sum += weight * four.total(four.first(losses_of(a, y, c), count, zero))
        put(sums, columns, j, totals(mine))
        loss_sum = block_sum(loss_sum, cuda.threadIdx.y * LANES + cuda.threadIdx.x)
        if cuda.threadIdx.y == 0 and cuda.threadIdx.x == 0:
            losses[cuda.blockIdx.y * cuda.gridDim.x + cuda.blockIdx.x] = loss_sum

    return kernel


@kernel(
    A=ELEMENTS,
    b=ELEMENTS,
    Y=ELEMENTS,
    share=ELEMENTS,
    delta=ELEMENTS,
    sums=ELEMENTS,
    losses=ELEMENTS,
    rows=COUNT,
    columns=COUNT,
    lead=COUNT,
    Y_lead=COUNT,
    share_lead=COUNT,
)
def softmax_cross_entropy(real: Any) -> Function:
    """A = softmax(A + b) and delta_i = share_i (A - Y), a warp a row and a lane a column.

    The losses and the column sums of delta are left for each block.
    """
    from numba import cuda

    zero, lowest = real(0), real(-math.inf)
    warp_total, warp_largest = _across_warp(_sum), _across_warp(_larger)
    loss_of_one = loss_of(real, Loss.CROSS_ENTROPY, real, _FUNCTIONS)
    block_sum, warps_sum = block_total(real), warp_totals(real)

    def kernel(
        A: Array,
        b: Array,
        Y: Array,
        share: Array,
        delta: Array,
        sums: Array,
        losses: Array,
        rows: int,
        columns: int,
        lead: int,
        Y_lead: int,
        share_lead: int,
    ) -> None:
        lane, warp = cuda.threadIdx.x, cuda.threadIdx.y
        inside = lane < columns
        mine, loss_sum = zero, zero
        for i in range(WARPS * cuda.blockIdx.x + warp, rows, WARPS * cuda.gridDim.x):
            at, weight = i * lead + lane, share[i * share_lead]
            z = A[at] + b[lane] if inside else lowest
            e = math.exp(z - warp_largest(z))
            a = e / warp_total(e)
            if inside:
                y = Y[i * Y_lead + lane]
                d = weight * (a - y)
                A[at] = a
                delta[at] = d
                mine += d
                loss_sum += weight * loss_of_one(a, y, zero)
        mine = warps_sum(mine)
        if inside and warp == 0:
            sums[cuda.blockIdx.x * columns + lane] = mine
        loss_sum = block_sum(loss_sum, warp * WARP + lane)
        if warp == 0 and lane == 0:
            losses[cuda.blockIdx.x] = loss_sum

    return kernel


@kernel(delta=ELEMENTS, A=ELEMENTS, rows=COUNT, columns=COUNT, lead=COUNT, aligned=COUNT)
def pull_softmax(real: Any) -> Function:
    """delta_i = g - a sum(g), the error through a softmax, of g = a (.) dL/da; a warp a row."""
    from numba import cuda

    four = fours(real)
    load, warp_total, zero = four.load, _across_warp(_sum), real(0)

    def kernel(delta: Array, A: Array, rows: int, columns: int, lead: int, aligned: int) -> None:
        first = WIDTH * cuda.threadIdx.x
        for i in range(WARPS * cuda.blockIdx.x + cuda.threadIdx.y, rows, WARPS * cuda.gridDim.x):
            row, total = i * lead, zero
            for j in range(first, columns, WIDTH * WARP):
                total += four.total(load(delta, row + j, columns - j, aligned))
            total = warp_total(total)
            for j in range(first, columns, WIDTH * WARP):
                count = columns - j
                a, g = load(A, row + j, count, aligned), load(delta, row + j, count, aligned)
                four.store(delta, row + j, count, aligned, four.subtract(g, four.scale(total, a)))

    return kernel


@cache
def _put_totals(real: Any) -> Function:
    """Make put(sums, columns, j, x): four columns' sums into the row of this row of blocks."""
    from numba import cuda

    four = fours(real)

    @device
    def put(sums: Array, columns: int, j: int, x: Any) -> None:
        if cuda.threadIdx.y == 0:
            four.store(sums, cuda.blockIdx.y * columns + j, columns - j, 0, x)

    return put


def _sum(x: Any, y: Any) -> Any:
    return x + y


def _larger(x: Any, y: Any) -> Any:
    return x if x > y else y


@cache
def _across_warp(combine: Function) -> Function:
    """Make f(x): all lanes' x combined, the same in each lane."""
    from numba import cuda

    both = device(combine)

    @device
    def across(x: Any) -> Any:
        distance = WARP // 2
        while distance > 0:
            x = both(x, cuda.shfl_xor_sync(_ALL, x, distance))
            distance //= 2
        return x

    return across
