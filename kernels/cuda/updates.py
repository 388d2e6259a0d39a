"""The optimizers' passes over the flat parameter vector, weight decay and its norm included.

One launch updates all parameters. Each block leaves its part of the penalty decay/2 ||W||^2 in a
place of its own, for `sums.collect`.
"""

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..elementwise import adam_factors, adam_step, sign
from ..formulas import AdamForm
from ..kernel import Kind, kernel
from ..native.arguments import Array
from .sums import block_total
from .tile import WIDTH
from .vectors import Function, device, each, fours

ELEMENTS, INTEGERS, DOUBLES = Kind.ELEMENTS, Kind.INTEGERS, Kind.DOUBLES
NUMBER, COUNT = Kind.NUMBER, Kind.COUNT


@kernel(amount=ELEMENTS, total=ELEMENTS, size=COUNT, aligned=COUNT)
def add(real: Any) -> Function:
    """total += amount."""
    from numba import cuda

    four = fours(real)

    def kernel(amount: Array, total: Array, size: int, aligned: int) -> None:
        for at in range(WIDTH * cuda.grid(1), size, WIDTH * cuda.gridsize(1)):
            count = size - at
            x, y = four.load(amount, at, count, aligned), four.load(total, at, count, aligned)
            four.store(total, at, count, aligned, four.add(x, y))

    return kernel


@kernel(x=ELEMENTS, squares=ELEMENTS, size=COUNT, aligned=COUNT)
def squares(real: Any) -> Function:
    """Each block's sum of the squares of x."""
    from numba import cuda

    four, block_sum, zero = fours(real), block_total(real), real(0)

    def kernel(x: Array, squares: Array, size: int, aligned: int) -> None:
        mine = zero
        for at in range(WIDTH * cuda.grid(1), size, WIDTH * cuda.gridsize(1)):
            y = four.load(x, at, size - at, aligned)
            mine += four.total(four.multiply(y, y))
        mine = block_sum(mine, cuda.threadIdx.x)
        if cuda.threadIdx.x == 0:
            squares[cuda.blockIdx.x] = mine

    return kernel


@kernel(x=ELEMENTS, factor=DOUBLES, size=COUNT, aligned=COUNT)
def scale(real: Any) -> Function:
    """x *= factor, unless that is 1."""
    from numba import cuda

    four, one = fours(real), real(1)

    def kernel(x: Array, factor: Array, size: int, aligned: int) -> None:
        by = real(factor[0])
        if by == one:
            return
        for at in range(WIDTH * cuda.grid(1), size, WIDTH * cuda.gridsize(1)):
            count = size - at
            four.store(x, at, count, aligned, four.scale(by, four.load(x, at, count, aligned)))

    return kernel


class _Pass(NamedTuple):
    """What the passes of all optimizers begin and end with."""

    begin: Function
    """begin(theta, grad, at, count, aligned, decayed, l2, shrink): weights, or zero for biases;
    the gradient with its L2 penalty; the parameters, shrunk where they are weights."""
    end: Function
    """end(penalties, l2, squares): leave the block's part of the penalty."""


@cache
def _pass(real: Any) -> _Pass:
    """Make the beginning and the end of a pass."""
    from numba import cuda

    four, block_sum = fours(real), block_total(real)
    load, first, add, subtract, scaled = four.load, four.first, four.add, four.subtract, four.scale
    zero, half = real(0), real(0.5)

    @device
    def begin(
        theta: Array,
        grad: Array,
        at: int,
        count: int,
        aligned: int,
        decayed: int,
        l2: float,
        shrink: float,
    ) -> Any:
        x = load(theta, at, count, aligned)
        w = first(x, decayed - at, zero)
        g = add(load(grad, at, count, aligned), scaled(l2, w))
        return w, g, subtract(x, scaled(shrink, w))

    @device
    def end(penalties: Array, l2: float, squares: float) -> None:
        total = block_sum(squares, cuda.threadIdx.x)
        if cuda.threadIdx.x == 0:
            penalties[cuda.blockIdx.x] = half * l2 * total

    return _Pass(begin, end)


def _updated(update: Function) -> Function:
    """Make the step of `elementwise.adam_step` of four elements."""
    return device(
        lambda x, m, g, v, of_m, of_g, eps: (
            update(x[0], m[0], g[0], v[0], of_m, of_g, eps),
            update(x[1], m[1], g[1], v[1], of_m, of_g, eps),
            update(x[2], m[2], g[2], v[2], of_m, of_g, eps),
            update(x[3], m[3], g[3], v[3], of_m, of_g, eps),
        )
    )


@kernel(
    theta=ELEMENTS,
    grad=ELEMENTS,
    velocity=ELEMENTS,
    rate=DOUBLES,
    momentum=NUMBER,
    nesterov=COUNT,
    weight_decay=NUMBER,
    decay=DOUBLES,
    penalties=ELEMENTS,
    decayed=COUNT,
    size=COUNT,
    aligned=COUNT,
)
def sgd(real: Any) -> Function:
    """One step of gradient descent with momentum."""
    from numba import cuda

    four, (begin, end), zero = fours(real), _pass(real), real(0)
    load, store, add, scale = four.load, four.store, four.add, four.scale

    def kernel(
        theta: Array,
        grad: Array,
        velocity: Array,
        rate: Array,
        momentum: float,
        nesterov: int,
        weight_decay: float,
        decay: Array,
        penalties: Array,
        decayed: int,
        size: int,
        aligned: int,
    ) -> None:
        lr, l2, squares = real(rate[0]), real(decay[0]), zero
        shrink = lr * weight_decay
        for at in range(WIDTH * cuda.grid(1), size, WIDTH * cuda.gridsize(1)):
            count = size - at
            w, g, kept = begin(theta, grad, at, count, aligned, decayed, l2, shrink)
            g = scale(lr, g)
            v = four.subtract(scale(momentum, load(velocity, at, count, aligned)), g)
            ahead = four.subtract(scale(momentum, v), g) if nesterov else v
            store(velocity, at, count, aligned, v)
            store(theta, at, count, aligned, add(kept, ahead))
            squares += four.total(four.multiply(w, w))
        end(penalties, l2, squares)

    return kernel


@kernel(
    theta=ELEMENTS,
    grad=ELEMENTS,
    m=ELEMENTS,
    v=ELEMENTS,
    t=INTEGERS,
    rate=DOUBLES,
    beta_1=NUMBER,
    log_beta_1=NUMBER,
    rest_1=NUMBER,
    beta_2=NUMBER,
    log_beta_2=NUMBER,
    rest_2=NUMBER,
    epsilon=NUMBER,
    weight_decay=NUMBER,
    decay=DOUBLES,
    penalties=ELEMENTS,
    decayed=COUNT,
    size=COUNT,
    aligned=COUNT,
)
def adam(real: Any, form: AdamForm) -> Function:
    """One step of Adam; the bias corrections 1 - beta^t are -expm1(t log beta)."""
    from numba import cuda

    four, (begin, end), zero = fours(real), _pass(real), real(0)
    load, store, add, scale = four.load, four.store, four.add, four.scale
    updated = _updated(adam_step(math.sqrt, form))
    factors = adam_factors(real, form, math.exp)
    tiny = np.finfo(real).tiny  # an epsilon that rounds to 0 must not make 0/0

    def kernel(
        theta: Array,
        grad: Array,
        m: Array,
        v: Array,
        t: Array,
        rate: Array,
        beta_1: float,
        log_beta_1: float,
        rest_1: float,
        beta_2: float,
        log_beta_2: float,
        rest_2: float,
        epsilon: float,
        weight_decay: float,
        decay: Array,
        penalties: Array,
        decayed: int,
        size: int,
        aligned: int,
    ) -> None:
        steps, lr, l2, squares = real(t[0]), real(rate[0]), real(decay[0]), zero
        shrink = lr * weight_decay
        c_1, c_2 = -math.expm1(steps * log_beta_1), math.sqrt(-math.expm1(steps * log_beta_2))
        of_m, of_g, eps = factors(lr, t[0], beta_1, c_1, c_2, epsilon)
        eps = eps if eps > tiny else tiny
        for at in range(WIDTH * cuda.grid(1), size, WIDTH * cuda.gridsize(1)):
            count = size - at
            w, g, kept = begin(theta, grad, at, count, aligned, decayed, l2, shrink)
            mean = add(scale(beta_1, load(m, at, count, aligned)), scale(rest_1, g))
            square = scale(beta_2, load(v, at, count, aligned))
            square = add(square, scale(rest_2, four.multiply(g, g)))
            store(m, at, count, aligned, mean)
            store(v, at, count, aligned, square)
            store(theta, at, count, aligned, updated(kept, mean, g, square, of_m, of_g, eps))
            squares += four.total(four.multiply(w, w))
        end(penalties, l2, squares)

    return kernel


@kernel(
    theta=ELEMENTS,
    grad=ELEMENTS,
    v=ELEMENTS,
    rate=DOUBLES,
    beta_2=NUMBER,
    rest_2=NUMBER,
    epsilon=NUMBER,
    weight_decay=NUMBER,
    decay=DOUBLES,
    penalties=ELEMENTS,
    decayed=COUNT,
    size=COUNT,
    aligned=COUNT,
)
def rmsprop(real: Any) -> Function:
    """One step of RMSprop."""
    from numba import cuda

    four, (begin, end), zero = fours(real), _pass(real), real(0)
    load, store, add, scale = four.load, four.store, four.add, four.scale
    updated = _updated(adam_step(math.sqrt))
    tiny = np.finfo(real).tiny  # an epsilon that rounds to 0 must not make 0/0

    def kernel(
        theta: Array,
        grad: Array,
        v: Array,
        rate: Array,
        beta_2: float,
        rest_2: float,
        epsilon: float,
        weight_decay: float,
        decay: Array,
        penalties: Array,
        decayed: int,
        size: int,
        aligned: int,
    ) -> None:
        lr, l2, squares = real(rate[0]), real(decay[0]), zero
        shrink, eps = lr * weight_decay, epsilon if epsilon > tiny else tiny
        for at in range(WIDTH * cuda.grid(1), size, WIDTH * cuda.gridsize(1)):
            count = size - at
            w, g, kept = begin(theta, grad, at, count, aligned, decayed, l2, shrink)
            square = scale(beta_2, load(v, at, count, aligned))
            square = add(square, scale(rest_2, four.multiply(g, g)))
            store(v, at, count, aligned, square)
            store(theta, at, count, aligned, updated(kept, g, g, square, lr, zero, eps))
            squares += four.total(four.multiply(w, w))
        end(penalties, l2, squares)

    return kernel


@kernel(
    theta=ELEMENTS,
    grad=ELEMENTS,
    m=ELEMENTS,
    rate=DOUBLES,
    beta_1=NUMBER,
    rest_1=NUMBER,
    beta_2=NUMBER,
    rest_2=NUMBER,
    weight_decay=NUMBER,
    decay=DOUBLES,
    penalties=ELEMENTS,
    decayed=COUNT,
    size=COUNT,
    aligned=COUNT,
)
def lion(real: Any) -> Function:
    """One step of Lion."""
    from numba import cuda

    four, (begin, end), zero = fours(real), _pass(real), real(0)
    load, store, add, scale = four.load, four.store, four.add, four.scale
    signs = each(sign(real))

    def kernel(
        theta: Array,
        grad: Array,
        m: Array,
        rate: Array,
        beta_1: float,
        rest_1: float,
        beta_2: float,
        rest_2: float,
        weight_decay: float,
        decay: Array,
        penalties: Array,
        decayed: int,
        size: int,
        aligned: int,
    ) -> None:
        lr, l2, squares = real(rate[0]), real(decay[0]), zero
        shrink = lr * weight_decay
        for at in range(WIDTH * cuda.grid(1), size, WIDTH * cuda.gridsize(1)):
            count = size - at
            w, g, kept = begin(theta, grad, at, count, aligned, decayed, l2, shrink)
            mean = load(m, at, count, aligned)
            way = signs(add(scale(beta_1, mean), scale(rest_1, g)))
            store(theta, at, count, aligned, four.subtract(kept, scale(lr, way)))
            store(m, at, count, aligned, add(scale(beta_2, mean), scale(rest_2, g)))
            squares += four.total(four.multiply(w, w))
        end(penalties, l2, squares)

    return kernel
