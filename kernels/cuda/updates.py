"""The optimizers' passes over the flat parameter vector, weight decay and its norm included.

One launch updates all parameters. Each block leaves its part of the penalty decay/2 ||W||^2 in a
place of its own, for `sums.collect`.
"""

import math
from typing import Any

from ..elementwise import adam_step
from ..kernel import Kind, kernel
from ..native.arguments import Array
from .sums import block_total
from .tile import WIDTH
from .vectors import Function, device, fours

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


@kernel(
    theta=ELEMENTS,
    grad=ELEMENTS,
    velocity=ELEMENTS,
    rate=DOUBLES,
    momentum=NUMBER,
    nesterov=COUNT,
    decay=DOUBLES,
    penalties=ELEMENTS,
    decayed=COUNT,
    size=COUNT,
    aligned=COUNT,
)
def sgd(real: Any) -> Function:
    """One step of gradient descent with momentum."""
    from numba import cuda

    four = fours(real)
    load, store, add, scale = four.load, four.store, four.add, four.scale
    block_sum = block_total(real)
    zero, half = real(0), real(0.5)

    def kernel(
        theta: Array,
        grad: Array,
        velocity: Array,
        rate: Array,
        momentum: float,
        nesterov: int,
        decay: Array,
        penalties: Array,
        decayed: int,
        size: int,
        aligned: int,
    ) -> None:
        lr, l2, squares = real(rate[0]), real(decay[0]), zero
        for at in range(WIDTH * cuda.grid(1), size, WIDTH * cuda.gridsize(1)):
            count = size - at
            x = load(theta, at, count, aligned)
            w = four.first(x, decayed - at, zero)
            g = scale(lr, add(load(grad, at, count, aligned), scale(l2, w)))
            v = four.subtract(scale(momentum, load(velocity, at, count, aligned)), g)
            ahead = four.subtract(scale(momentum, v), g) if nesterov else v
            store(velocity, at, count, aligned, v)
            store(theta, at, count, aligned, add(x, ahead))
            squares += four.total(four.multiply(w, w))
        squares = block_sum(squares, cuda.threadIdx.x)
        if cuda.threadIdx.x == 0:
            penalties[cuda.blockIdx.x] = half * l2 * squares

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
    decay=DOUBLES,
    penalties=ELEMENTS,
    decayed=COUNT,
    size=COUNT,
    aligned=COUNT,
)
def adam(real: Any) -> Function:
    """One step of Adam; the bias corrections 1 - beta^t are -expm1(t log beta)."""
    from numba import cuda

    four = fours(real)
    load, store, add, scale = four.load, four.store, four.add, four.scale
    block_sum = block_total(real)
    update = adam_step(math.sqrt)
    updated = device(
        lambda x, m, v, step, eps: (
            update(x[0], m[0], v[0], step, eps),
            update(x[1], m[1], v[1], step, eps),
            update(x[2], m[2], v[2], step, eps),
            update(x[3], m[3], v[3], step, eps),
        )
    )
    zero, half = real(0), real(0.5)

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
        decay: Array,
        penalties: Array,
        decayed: int,
        size: int,
        aligned: int,
    ) -> None:
        steps, l2, squares = real(t[0]), real(decay[0]), zero
        corrected = math.sqrt(-math.expm1(steps * log_beta_2)) / -math.expm1(steps * log_beta_1)
        step = real(rate[0]) * corrected
        for at in range(WIDTH * cuda.grid(1), size, WIDTH * cuda.gridsize(1)):
            count = size - at
            x = load(theta, at, count, aligned)
            w = four.first(x, decayed - at, zero)
            g = add(load(grad, at, count, aligned), scale(l2, w))
            mean = add(scale(beta_1, load(m, at, count, aligned)), scale(rest_1, g))
            square = scale(beta_2, load(v, at, count, aligned))
            square = add(square, scale(rest_2, four.multiply(g, g)))
            store(m, at, count, aligned, mean)
            store(v, at, count, aligned, square)
            store(theta, at, count, aligned, updated(x, mean, square, step, epsilon))
            squares += four.total(four.multiply(w, w))
        squares = block_sum(squares, cuda.threadIdx.x)
        if cuda.threadIdx.x == 0:
            penalties[cuda.blockIdx.x] = half * l2 * squares

    return kernel
