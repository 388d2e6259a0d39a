"""Elementary functions as plain arithmetic, so that a loop around them becomes vector code.

Each factory takes the floating-point type and returns a function that Numba inlines. The C library
has exp, log and erf as calls, one element at a time.
"""

from collections.abc import Callable
from math import factorial, log
from typing import Any, NamedTuple

import numpy as np

Scalar = Callable[..., Any]

FARTHEST = 40.0
"""Standard deviations beyond which the normal distribution's tail is 0 in float64."""


class Elementary(NamedTuple):
    """Functions of one number that formulas are written with, as a processor has them."""

    exp: Scalar
    expm1: Scalar
    log: Scalar
    log1p: Scalar


def of_vectors(real: Any) -> Elementary:
    """Make the CPU's: branch-free arithmetic, right in the ranges that `sigma` and losses need."""
    return Elementary(exponential(real), exponential(real, minus=1), logarithm(real), log1p(real))


def inline(function: Scalar) -> Scalar:
    """Mark a function whose text Numba puts in the place of its call."""
    from numba import njit

    marked: Scalar = njit(inline="always")(function)
    return marked


def exponential(real: Any, minus: int = 0) -> Scalar:
    """Make exp(x) - minus, within 3 units in the last place where the result is a normal number.

    exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln(2) / 2, with the Taylor polynomial of
    exp(r) - 1. Adding 1.5 * 2^(mantissa bits) rounds x / ln 2 and leaves n in the low bits, from
    where it is moved into the exponent of 2^n (Cephes, S. Moshier; A. Cristina Malossi et al.,
    "Fast exponential computation on SIMD architectures", 2015). Subtracting 1 from 2^n before the
    rest is added keeps the digits of exp(x) - 1 near zero.

    Beyond +-87, or +-708 in float64, exp is infinite or 0, and so is its reciprocal: a denormal
    number would slow down every product with it. An argument out there is moved to where 2^n, made
    of bits, is infinite or 0 by itself.
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
    nothing, infinite = real(-bias * log(2)), real((bias + 1.25) * log(2))
    less = real(minus)
    polynomial = _taylor_expm1(real)

    def exp(x: Any) -> Any:
        z = nothing if x < lowest else x
        z = infinite if z > highest else z
        shifted = z * per_log2 + shifter
        n = shifted - shifter
        r = (z - n * high) - n * low
        power = viewer(word((viewer(real(shifted), word) - shifter_bits + bias) << mantissa), real)
        return power * polynomial(r) + (power - less)

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


def log1p(real: Any) -> Scalar:
    """Make log(1 + u), within 2 units in the last place, for u from 0 to 1.

    log(1 + u) = n ln 2 + 2 artanh(s), s = (u - n) / (u + 2 + n), with n = 1 where 1 + u is beyond
    the root of 2, so that |s| stays below 0.172.
    """
    zero, one, two, halfway = real(0), real(1), real(2), real(2**0.5 - 1)
    log2, series = real(log(2)), _series_artanh(real)

    def log1p(u: Any) -> Any:
        n = one if u > halfway else zero
        s = (u - n) / (u + two + n)
        return n * log2 + (s * two + s * series(s * s))

    return inline(log1p)


def normal_tail(real: Any) -> Scalar:
    """Make R(t) = exp(t^2 / 2) Q(t) for t >= 0, Q(t) = 1 - Phi(t) the normal distribution's tail.

    Quotients of polynomials, the best of their degrees in relative error up to t = 14, from where
    on Q is no normal float32, and up to `FARTHEST`: 5.5e-9 and 5.7e-17, found in 60 digits by
    Lawson's iteration. All coefficients are positive: no digit cancels. With R the error function
    is erf(x) = 1 - 2 exp(-x^2) R(x sqrt(2)), and sigma' of GELU needs that exponential anyway.
    """

    def single(t: Any) -> Any:
        above = real(0.040373665625917854) + t * real(0.0040777155104945019)
        above = real(0.4372570011162325) + t * (real(0.18246571207740897) + t * above)
        below = real(0.10120857799081947) + t * real(0.010221188332456583)
        below = real(1.1993082224332204) + t * (real(0.467439157785734) + t * below)
        return (real(0.5) + t * above) / (real(1) + t * (real(1.672398956400773) + t * below))

    def double(t: Any) -> Any:
        above = real(3.7510226620941599e-5) + t * real(1.3971094724041438e-6)
        above = real(0.0041087888952530288) + t * (real(0.0004932353102871208) + t * above)
        above = real(0.097999122560738580) + t * (real(0.023714065346032733) + t * above)
        above = real(0.59498013004169491) + t * (real(0.29000010627528229) + t * above)
        above = real(0.5) + t * (real(0.77551798245677497) + t * above)
        below = real(9.4024194633899089e-5) + t * real(3.5020341062924107e-6)
        below = real(0.010393230603406472) + t * (real(0.0012398596091044903) + t * below)
        below = real(0.25575851827426427) + t * (real(0.060671700614793052) + t * below)
        below = real(1.7173793594352585) + t * (real(0.78392735403823987) + t * below)
        below = real(2.3489205257164049) + t * (real(2.5641276821057935) + t * below)
        return above / (real(1) + t * below)

    return inline(single if real is np.float32 else double)


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
