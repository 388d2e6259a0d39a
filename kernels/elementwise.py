"""The formulas of one element, specialised for float32 or float64: sigma, sigma', losses, Adam.

The CPU's loops and the GPU's kernels are written around them. Each factory takes the floating-point
type, and the functions that the target has for exp, log or the root, and returns a function that
Numba inlines. `exponential` and `logarithm` are the CPU's: plain arithmetic, so that a loop around
them becomes vector code. Constants have the type's own width: a Python float would turn float32
into float64.
"""

from collections.abc import Callable
from math import factorial, log
from typing import Any

import numpy as np

from .formulas import Activation, Loss

Scalar = Callable[..., Any]


def inline(function: Scalar) -> Scalar:
    """Mark a function whose text Numba puts in the place of its call."""
    from numba import njit

    marked: Scalar = njit(inline="always")(function)
    return marked


def sigma(real: Any, activation: Activation, exp: Scalar, expm1: Scalar) -> Scalar:
    """Make sigma(z) for an element-wise activation."""
    zero, one, two = real(0), real(1), real(2)
    enough = real(40)  # exp(40) / (exp(40) + 2) rounds to 1 in either type

    def identity(z: Any) -> Any:
        return z

    def relu(z: Any) -> Any:
        return zero if z < zero else z  # written so that NaN stays NaN

    def sigmoid(z: Any) -> Any:
        return one / (one + exp(-z))

    def tanh(z: Any) -> Any:
        z = z + z
        u = expm1(enough if z > enough else z)  # the quotient of two infinities is no number
        return u / (u + two)

    def rate(z: Any) -> Any:
        return exp(z)

    def silu(z: Any) -> Any:
        return z / (one + exp(-z))

    formulas: dict[Activation, Scalar] = {
        Activation.IDENTITY: identity,
        Activation.RELU: relu,
        Activation.SIGMOID: sigmoid,
        Activation.TANH: tanh,
        Activation.EXP: rate,
        Activation.SILU: silu,
    }
    return inline(formulas[activation])


def pull_back(real: Any, activation: Activation, exp: Scalar) -> Scalar:
    """Make d . sigma'(z), written with a = sigma(z) or with z; the derivative of ReLU at 0 is 0."""
    zero, one = real(0), real(1)

    def identity(d: Any, a: Any) -> Any:
        return d

    def relu(d: Any, a: Any) -> Any:
        return zero if a == zero else d

    def sigmoid(d: Any, a: Any) -> Any:
        return d * (a - a * a)

    def tanh(d: Any, a: Any) -> Any:
        return d - d * (a * a)

    def silu(d: Any, z: Any) -> Any:
        s = one / (one + exp(-z))
        return d * (s + z * (s - s * s))

    formulas: dict[Activation, Scalar] = {
        Activation.IDENTITY: identity,
        Activation.RELU: relu,
        Activation.SIGMOID: sigmoid,
        Activation.TANH: tanh,
        Activation.SILU: silu,
    }
    return inline(formulas[activation])


def loss_of(real: Any, loss: Loss, accurate: Any, log: Scalar) -> Scalar:
    """Make the loss of one output; 0 log 0 is 0, but 0 log(0/0) no number.

    A deviance is computed in the type `accurate`.
    """
    half, zero, one = real(0.5), real(0), real(1)
    lowest = np.finfo(real).eps
    highest = one - lowest

    def clip(p: Any) -> Any:
        p = lowest if p < lowest else p
        return highest if p > highest else p

    clipped = inline(clip)

    def squared_error(a: Any, y: Any) -> Any:
        return half * (a - y) * (a - y)

    def cross_entropy(a: Any, y: Any) -> Any:
        return -y * log(clipped(a))

    def binary_cross_entropy(a: Any, y: Any) -> Any:
        p = clipped(a)
        return -y * log(p) - (one - y) * log(one - p)

    def poisson(a: Any, y: Any) -> Any:
        quotient = accurate(y / a)
        return accurate(a) - accurate(y) + (y * log(quotient) if y != zero else quotient)

    formulas: dict[Loss, Scalar] = {
        Loss.SQUARED_ERROR: squared_error,
        Loss.CROSS_ENTROPY: cross_entropy,
        Loss.BINARY_CROSS_ENTROPY: binary_cross_entropy,
        Loss.POISSON: poisson,
    }
    return inline(formulas[loss])


def adam_step(sqrt: Scalar) -> Scalar:
    """Make theta - step m / (sqrt(v) + epsilon)."""

    def step(theta: Any, m: Any, v: Any, step: Any, epsilon: Any) -> Any:
        return theta - step * m / (sqrt(v) + epsilon)

    return inline(step)


def exponential(real: Any, minus: int = 0) -> Scalar:
    """Make exp(x) - minus, within 3 units in the last place where the result is a normal number.

    exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln(2) / 2, with the Taylor polynomial of
    exp(r) - 1. Adding 1.5 * 2^(mantissa bits) rounds x / ln 2 and leaves n in the low bits, from
    where it is moved into the exponent of 2^n (Cephes, S. Moshier; A. Cristina Malossi et al.,
    "Fast exponential computation on SIMD architectures", 2015). Subtracting 1 from 2^n before the
    rest is added keeps the digits of exp(x) - 1 near zero.

    Beyond +-87, or +-708 in float64, exp is infinite or 0, and so is its reciprocal: a denormal
    number would slow down every product with it.
    """
    from .numba_contract import viewer

    single = real is np.float32
    word = np.int32 if single else np.int64
    mantissa, bias = word(23 if single else 52), word(127 if single else 1023)
    shifter = real(1.5 * 2.0 ** int(mantissa))
    shifter_bits = shifter.view(word)
    per_log2 = real(1 / log(2))
    high, low = _log2(real)
    lowest, highest = (real(-87.0), real(87.0)) if single else (real(-708.0), real(708.0))
    less, nothing, infinity = real(minus), real(-minus), real(np.inf)
    polynomial = _taylor_expm1(real)

    def exp(x: Any) -> Any:
        z = lowest if x < lowest else x
        z = highest if z > highest else z
        shifted = z * per_log2 + shifter
        n = shifted - shifter
        r = (z - n * high) - n * low
        power = viewer(word((viewer(real(shifted), word) - shifter_bits + bias) << mantissa), real)
        y = power * polynomial(r) + (power - less)
        y = nothing if x < lowest else y
        return infinity if x > highest else y

    return inline(exp)


def _taylor_expm1(real: Any) -> Scalar:
    """Make r + r^2/2! + r^3/3! + ..., cut below half a unit in the last place at ln(2) / 2."""
    c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13 = (
        real(1 / factorial(k)) for k in range(2, 14)
    )

    def degree_7(r: Any) -> Any:
        tail = c2 + r * (c3 + r * (c4 + r * (c5 + r * (c6 + r * c7))))
        return r + r * r * tail

    def degree_13(r: Any) -> Any:
        tail = c8 + r * (c9 + r * (c10 + r * (c11 + r * (c12 + r * c13))))
        tail = c2 + r * (c3 + r * (c4 + r * (c5 + r * (c6 + r * (c7 + r * tail)))))
        return r + r * r * tail

    return inline(degree_7 if real is np.float32 else degree_13)


def logarithm(real: Any) -> Scalar:
    """Make log(x), within 2 units in the last place, for normal numbers up to 1.

    log(x) = n ln 2 + log(f), f = x / 2^n in [sqrt(1/2), sqrt(2)), with the series of
    log(f) = 2 artanh(s), s = (f - 1) / (f + 1). The bits of x less those of sqrt(1/2) have n where
    the exponent is.
    """
    from .numba_contract import viewer

    single = real is np.float32
    word = np.int32 if single else np.int64
    mantissa, bias = word(23 if single else 52), word(127 if single else 1023)
    root_half = real(0.5**0.5).view(word)
    one, two = real(1), real(2)
    high, low = _log2(real)
    series = _series_artanh(real)

    def log(x: Any) -> Any:
        n = word(viewer(real(x), word) - root_half) >> mantissa
        f = x * viewer(word((bias - n) << mantissa), real)  # a product, so that NaN stays NaN
        s = (f - one) / (f + one)
        exponent = real(n)
        return exponent * high + (s * two + (s * series(s * s) + exponent * low))

    return inline(log)


def _series_artanh(real: Any) -> Scalar:
    """Make 2 (q/3 + q^2/5 + ...), cut below half a unit in the last place at s = 0.172, q = s^2."""
    c3, c5, c7, c9, c11, c13, c15, c17, c19 = (real(2 / k) for k in range(3, 20, 2))

    def degree_4(q: Any) -> Any:
        return q * (c3 + q * (c5 + q * (c7 + q * c9)))

    def degree_9(q: Any) -> Any:
        tail = c11 + q * (c13 + q * (c15 + q * (c17 + q * c19)))
        return q * (c3 + q * (c5 + q * (c7 + q * (c9 + q * tail))))

    return inline(degree_4 if real is np.float32 else degree_9)


def _log2(real: Any) -> tuple[Any, Any]:
    """Split ln 2 in two: the first has few digits, so that its product with n is exact."""
    if real is np.float32:
        return real(0.693359375), real(-2.12194440e-4)
    return real(0.693145751953125), real(1.42860682030941723212e-6)
