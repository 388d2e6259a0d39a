"""The optimizers' loops over the flat parameter vector, weight decay and its norm included.

They are factories as those of `loops`, and clip gradients as well.
"""

from typing import Any

import numpy as np

from .elementary import Scalar, inline
from .elementwise import adam_factors, adam_step, sign
from .formulas import AdamForm
from .kernel import Kind, kernel
from .native.arguments import Array

VECTOR, INTEGERS, DOUBLES = Kind.VECTOR, Kind.INTEGERS, Kind.DOUBLES
DOUBLE, COUNT = Kind.DOUBLE, Kind.COUNT

CHUNK = 1024
"""Elements whose squares are added up in the vector's type, before they go on in float64."""


@kernel(x=VECTOR, parts=DOUBLES)
def squares(real: Any) -> Scalar:
    """parts_k = ||x_k||^2, of each chunk of x."""
    squared_norm = _squared_norm(real)

    def kernel(x: Array, parts: Array) -> None:
        for k in range(parts.shape[0]):
            start, end = k * CHUNK, (k + 1) * CHUNK
            chunk = x[start : end if end < x.shape[0] else x.shape[0]]
            parts[k] = squared_norm(chunk, chunk.shape[0])

    return kernel


@kernel(parts=DOUBLES, largest=DOUBLE, factor=DOUBLES, norm=DOUBLES)
def clip_factor(real: Any) -> Scalar:
    """n = sqrt(sum(parts)), factor = min(1, largest / n), norm += n."""

    def kernel(parts: Array, largest: float, factor: Array, norm: Array) -> None:
        total = 0.0
        for k in range(parts.shape[0]):
            total += parts[k]
        length = np.sqrt(total)
        factor[0] = largest / length if length > largest else 1.0
        norm[0] += length

    return kernel


@kernel(x=VECTOR, factor=DOUBLES)
def scale(real: Any) -> Scalar:
    """x *= factor, unless that is 1."""

    def kernel(x: Array, factor: Array) -> None:
        if factor[0] == 1.0:
            return
        by = real(factor[0])
        for i in range(x.shape[0]):
            x[i] *= by

    return kernel


@kernel(
    theta=VECTOR,
    grad=VECTOR,
    velocity=VECTOR,
    rate=DOUBLES,
    momentum=DOUBLE,
    nesterov=COUNT,
    weight_decay=DOUBLE,
    decayed=COUNT,
    decay=DOUBLES,
    penalty=DOUBLES,
)
def sgd(real: Any) -> Scalar:
    """One step of gradient descent with momentum; the first `decayed` elements decay."""
    squared_norm, decaying = _squared_norm(real), _decaying(real)

    def kernel(
        theta: Array,
        grad: Array,
        velocity: Array,
        rate: Array,
        momentum: float,
        nesterov: int,
        weight_decay: float,
        decayed: int,
        decay: Array,
        penalty: Array,
    ) -> None:
        penalty[0] += 0.5 * decay[0] * squared_norm(theta, decayed)
        lr, mu, ahead, l2 = real(rate[0]), real(momentum), nesterov != 0, real(decay[0])
        shrink = real(rate[0] * weight_decay)
        for i in range(theta.shape[0]):
            g, kept = decaying(theta[i], grad[i], l2, shrink, i < decayed)
            v = mu * velocity[i] - lr * g
            velocity[i] = v
            theta[i] = kept + (mu * v - lr * g if ahead else v)

    return kernel


@kernel(
    theta=VECTOR,
    grad=VECTOR,
    m=VECTOR,
    v=VECTOR,
    t=INTEGERS,
    rate=DOUBLES,
    beta_1=DOUBLE,
    beta_2=DOUBLE,
    epsilon=DOUBLE,
    weight_decay=DOUBLE,
    decayed=COUNT,
    decay=DOUBLES,
    penalty=DOUBLES,
)
def adam(real: Any, form: AdamForm) -> Scalar:
    """One step of Adam; the first `decayed` elements decay."""
    squared_norm, decaying, update = _squared_norm(real), _decaying(real), adam_step(np.sqrt, form)
    factors = adam_factors(np.float64, form, np.exp)
    tiny = np.finfo(real).tiny  # an epsilon that rounds to 0 must not make 0/0

    def kernel(
        theta: Array,
        grad: Array,
        m: Array,
        v: Array,
        t: Array,
        rate: Array,
        beta_1: float,
        beta_2: float,
        epsilon: float,
        weight_decay: float,
        decayed: int,
        decay: Array,
        penalty: Array,
    ) -> None:
        penalty[0] += 0.5 * decay[0] * squared_norm(theta, decayed)
        steps = float(t[0])
        k_1, k_2 = 1.0 - beta_1**steps, np.sqrt(1.0 - beta_2**steps)
        exact = factors(rate[0], t[0], beta_1, k_1, k_2, epsilon)
        of_m, of_g, eps = real(exact[0]), real(exact[1]), real(exact[2])
        b1, c1, b2, c2 = real(beta_1), real(1.0 - beta_1), real(beta_2), real(1.0 - beta_2)
        l2, shrink = real(decay[0]), real(rate[0] * weight_decay)
        eps = eps if eps > tiny else tiny
        for i in range(theta.shape[0]):
            g, kept = decaying(theta[i], grad[i], l2, shrink, i < decayed)
            mean = b1 * m[i] + c1 * g
            square = b2 * v[i] + c2 * (g * g)
            m[i] = mean
            v[i] = square
            theta[i] = update(kept, mean, g, square, of_m, of_g, eps)

    return kernel


@kernel(
    theta=VECTOR,
    grad=VECTOR,
    v=VECTOR,
    rate=DOUBLES,
    beta_2=DOUBLE,
    epsilon=DOUBLE,
    weight_decay=DOUBLE,
    decayed=COUNT,
    decay=DOUBLES,
    penalty=DOUBLES,
)
def rmsprop(real: Any) -> Scalar:
    """One step of RMSprop; the first `decayed` elements decay."""
    squared_norm, decaying, update = _squared_norm(real), _decaying(real), adam_step(np.sqrt)
    zero = real(0)
    tiny = np.finfo(real).tiny  # an epsilon that rounds to 0 must not make 0/0

    def kernel(
        theta: Array,
        grad: Array,
        v: Array,
        rate: Array,
        beta_2: float,
        epsilon: float,
        weight_decay: float,
        decayed: int,
        decay: Array,
        penalty: Array,
    ) -> None:
        penalty[0] += 0.5 * decay[0] * squared_norm(theta, decayed)
        lr, b2, c2, eps = real(rate[0]), real(beta_2), real(1.0 - beta_2), real(epsilon)
        l2, shrink = real(decay[0]), real(rate[0] * weight_decay)
        eps = eps if eps > tiny else tiny
        for i in range(theta.shape[0]):
            g, kept = decaying(theta[i], grad[i], l2, shrink, i < decayed)
            square = b2 * v[i] + c2 * (g * g)
            v[i] = square
            theta[i] = update(kept, g, g, square, lr, zero, eps)

    return kernel


@kernel(
    theta=VECTOR,
    grad=VECTOR,
    m=VECTOR,
    rate=DOUBLES,
    beta_1=DOUBLE,
    beta_2=DOUBLE,
    weight_decay=DOUBLE,
    decayed=COUNT,
    decay=DOUBLES,
    penalty=DOUBLES,
)
def lion(real: Any) -> Scalar:
    """One step of Lion; the first `decayed` elements decay."""
    squared_norm, decaying, sign_of = _squared_norm(real), _decaying(real), sign(real)

    def kernel(
        theta: Array,
        grad: Array,
        m: Array,
        rate: Array,
        beta_1: float,
        beta_2: float,
        weight_decay: float,
        decayed: int,
        decay: Array,
        penalty: Array,
    ) -> None:
        penalty[0] += 0.5 * decay[0] * squared_norm(theta, decayed)
        lr, l2, shrink = real(rate[0]), real(decay[0]), real(rate[0] * weight_decay)
        b1, c1, b2, c2 = real(beta_1), real(1.0 - beta_1), real(beta_2), real(1.0 - beta_2)
        for i in range(theta.shape[0]):
            g, kept = decaying(theta[i], grad[i], l2, shrink, i < decayed)
            theta[i] = kept - lr * sign_of(b1 * m[i] + c1 * g)
            m[i] = b2 * m[i] + c2 * g

    return kernel


def _decaying(real: Any) -> Scalar:
    """Make what a step begins with: the gradient with its L2 penalty, and the shrunk parameter."""
    zero = real(0)

    def decaying(w: Any, grad: Any, l2: Any, shrink: Any, decays: bool) -> Any:
        return grad + (l2 * w if decays else zero), w - (shrink * w if decays else zero)

    return inline(decaying)


def _squared_norm(real: Any) -> Scalar:
    """Make ||w||^2 of w's start: eight sums side by side fill a register, the total is float64."""
    zero = real(0)

    def squared_norm(w: Array, size: int) -> Any:
        total = 0.0
        for start in range(0, size, CHUNK):
            end = start + CHUNK
            x = w[start : end if end < size else size]  # min would be a call to Numba
            s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = zero
            eights = x.shape[0] // 8
            for i in range(eights):
                k = 8 * i
                s0 += x[k] * x[k]
                s1 += x[k + 1] * x[k + 1]
                s2 += x[k + 2] * x[k + 2]
                s3 += x[k + 3] * x[k + 3]
                s4 += x[k + 4] * x[k + 4]
                s5 += x[k + 5] * x[k + 5]
                s6 += x[k + 6] * x[k + 6]
                s7 += x[k + 7] * x[k + 7]
            total += ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))
            for i in range(8 * eights, x.shape[0]):
                total += x[i] * x[i]
        return total

    return inline(squared_norm)
