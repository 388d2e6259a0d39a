"""The formulas of one element, specialised for float32 or float64: sigma, sigma', losses, Adam.

The CPU's loops and the GPU's kernels are written around them. Each factory takes the floating-point
type, and the elementary functions as the target has them, and returns a function that Numba
inlines. Constants have the type's own width: a Python float would turn float32 into float64.
"""

from math import log as log_of
from math import pi
from typing import Any

import numpy as np

from .elementary import FARTHEST, Elementary, Scalar, inline, normal_tail
from .formulas import LEAK, SELU_ALPHA, SELU_SCALE, Activation, AdamForm, Loss


def sigma(real: Any, activation: Activation, of: Elementary) -> Scalar:
    """Make sigma(z) for an element-wise activation."""
    if activation.reads_pre_activation:
        both = sigma_and_slope(real, activation, of)
        return inline(lambda z: both(z)[0])
    exp, expm1, log1p = of.exp, of.expm1, of.log1p
    zero, one, two = real(0), real(1), real(2)
    leak, selu_scale, selu_below = real(LEAK), real(SELU_SCALE), real(SELU_SCALE * SELU_ALPHA)
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

    def leaky_relu(z: Any) -> Any:
        return leak * z if z < zero else z

    def elu(z: Any) -> Any:
        below = expm1(zero if z > zero else z)
        return z if z > zero else below

    def selu(z: Any) -> Any:
        below = selu_below * expm1(zero if z > zero else z)
        return selu_scale * z if z > zero else below

    def softplus(z: Any) -> Any:
        rest = log1p(exp(z if z < zero else -z))
        return rest if z < zero else z + rest

    def hardtanh(z: Any) -> Any:
        z = -one if z < -one else z
        return one if z > one else z

    formulas: dict[Activation, Scalar] = {
        Activation.IDENTITY: identity,
        Activation.RELU: relu,
        Activation.SIGMOID: sigmoid,
        Activation.TANH: tanh,
        Activation.EXP: rate,
        Activation.LEAKY_RELU: leaky_relu,
        Activation.ELU: elu,
        Activation.SELU: selu,
        Activation.SOFTPLUS: softplus,
        Activation.HARDTANH: hardtanh,
    }
    return inline(formulas[activation])


def sigma_and_slope(real: Any, activation: Activation, of: Elementary) -> Scalar:
    """Make (sigma(z), sigma'(z)) where sigma' is written with z: both need the same exponential."""
    exp, tail = of.exp, normal_tail(real)
    zero, half, one, two, four = real(0), real(0.5), real(1), real(2), real(4)
    enough_squared, farthest, density = real(20), real(FARTHEST), real((2 * pi) ** -0.5)

    def silu(z: Any) -> Any:
        s = one / (one + exp(-z))
        return z * s, s + z * (s - s * s)

    def gelu(z: Any) -> Any:
        t = abs(z)
        t = farthest if t > farthest else t
        e = exp(-half * (t * t))
        beyond = e * tail(t)
        share = beyond if z < zero else one - beyond
        return z * share, share + z * (density * e)

    def mish(z: Any) -> Any:
        e = exp(enough_squared if z > enough_squared else z)
        n = e * (e + two)  # tanh(log(1 + e)) is n / (n + 2)
        part = one / (n + two)
        tanh = n * part
        return z * tanh, tanh + z * (four * e * (one + e) * part * part)

    formulas: dict[Activation, Scalar] = {
        Activation.SILU: silu,
        Activation.GELU: gelu,
        Activation.MISH: mish,
    }
    return inline(formulas[activation])


def pull_back(real: Any, activation: Activation | None, of: Elementary) -> Scalar:
    """Make d . sigma'(z), written with a = sigma(z) or with z; the derivative of ReLU at 0 is 0.

    Without an activation it is written with sigma'(z).
    """
    if activation is None:
        return inline(lambda d, slope: d * slope)
    if activation.reads_pre_activation:
        both = sigma_and_slope(real, activation, of)
        return inline(lambda d, z: d * both(z)[1])
    expm1 = of.expm1
    zero, one = real(0), real(1)
    leak, selu_scale, selu_below = real(LEAK), real(SELU_SCALE), real(SELU_SCALE * SELU_ALPHA)

    def identity(d: Any, a: Any) -> Any:
        return d

    def relu(d: Any, a: Any) -> Any:
        return zero if a == zero else d

    def sigmoid(d: Any, a: Any) -> Any:
        return d * (a - a * a)

    def tanh(d: Any, a: Any) -> Any:
        return d - d * (a * a)

    def leaky_relu(d: Any, a: Any) -> Any:
        return d if a > zero else leak * d

    def elu(d: Any, a: Any) -> Any:
        return d if a > zero else d + d * a

    def selu(d: Any, a: Any) -> Any:
        return d * (selu_scale if a > zero else a + selu_below)

    def softplus(d: Any, a: Any) -> Any:
        return -d * expm1(-a)

    def hardtanh(d: Any, a: Any) -> Any:
        return d if -one < a and a < one else zero

    formulas: dict[Activation, Scalar] = {
        Activation.IDENTITY: identity,
        Activation.RELU: relu,
        Activation.SIGMOID: sigmoid,
        Activation.TANH: tanh,
        Activation.LEAKY_RELU: leaky_relu,
        Activation.ELU: elu,
        Activation.SELU: selu,
        Activation.SOFTPLUS: softplus,
        Activation.HARDTANH: hardtanh,
    }
    return inline(formulas[activation])


def dropping(real: Any) -> tuple[Scalar, Scalar]:
    """Make the marks of dropout, for the CPU: -0 stands for what is dropped, and for nothing else.

    marked(a, kept) is a, or +0 for a -0, where it is kept, and -0 where not; is_marked says whether
    a number is -0. Bits are compared and chosen: the compiler may take -0 for 0.
    """
    from .numba_contract import viewer

    word = np.int32 if real is np.float32 else np.int64
    nothing, mark = word(0), word(np.iinfo(word).min)  # the sign alone

    def marked(a: Any, kept: Any) -> Any:
        bits = viewer(real(a), word)
        bits = nothing if bits == mark else bits
        return viewer(word(bits if kept else mark), real)

    def is_marked(a: Any) -> Any:
        return viewer(real(a), word) == mark

    return inline(marked), inline(is_marked)


def loss_of(real: Any, loss: Loss, accurate: Any, of: Elementary) -> Scalar:
    """Make the loss of one output, given a, y and the loss's constant c.

    0 log 0 is 0, but 0 log(0/0) no number. A deviance is computed in the type `accurate`.
    """
    exp, log, log1p, clipped = of.exp, of.log, of.log1p, _clipped(real)
    zero, half, one, two = real(0), real(0.5), real(1), real(2)
    log2 = real(log_of(2))

    def squared_error(a: Any, y: Any, c: Any) -> Any:
        return half * (a - y) * (a - y)

    def cross_entropy(a: Any, y: Any, c: Any) -> Any:
        return -y * log(clipped(a))

    def binary_cross_entropy(a: Any, y: Any, c: Any) -> Any:
        p = clipped(a)
        return -y * log(p) - (one - y) * log(one - p)

    def poisson(a: Any, y: Any, c: Any) -> Any:
        quotient = accurate(y / a)
        return accurate(a) - accurate(y) + (y * log(quotient) if y != zero else quotient)

    def gamma(a: Any, y: Any, c: Any) -> Any:
        quotient = accurate(y) / accurate(a)
        return (quotient - log(quotient)) - accurate(one)

    def absolute_error(a: Any, y: Any, c: Any) -> Any:
        return a - y if a > y else y - a

    def huber(a: Any, y: Any, c: Any) -> Any:
        r = a - y if a > y else y - a
        return half * r * r if r <= c else c * (r - half * c)

    def log_cosh(a: Any, y: Any, c: Any) -> Any:
        r = a - y if a > y else y - a
        loss = r + (log1p(exp(-two * r)) - log2)
        return zero if loss < zero else loss  # where r^2 is below the last place

    def quantile(a: Any, y: Any, c: Any) -> Any:
        return (one - c) * (a - y) if a > y else c * (y - a)

    def focal(a: Any, y: Any, c: Any) -> Any:
        p = clipped(a)
        return -y * (exp(c * log(one - p)) * log(p))

    def binary_focal(a: Any, y: Any, c: Any) -> Any:
        p = clipped(a)
        log_p, log_q = log(p), log(one - p)
        return -y * (exp(c * log_q) * log_p) - (one - y) * (exp(c * log_p) * log_q)

    formulas: dict[Loss, Scalar] = {
        Loss.SQUARED_ERROR: squared_error,
        Loss.CROSS_ENTROPY: cross_entropy,
        Loss.BINARY_CROSS_ENTROPY: binary_cross_entropy,
        Loss.POISSON: poisson,
        Loss.GAMMA: gamma,
        Loss.ABSOLUTE_ERROR: absolute_error,
        Loss.HUBER: huber,
        Loss.LOG_COSH: log_cosh,
        Loss.QUANTILE: quantile,
        Loss.FOCAL: focal,
        Loss.BINARY_FOCAL: binary_focal,
    }
    return inline(formulas[loss])


def error_of(real: Any, loss: Loss, of: Elementary) -> Scalar:
    """Make the error of one output, given a, y and c: dL/dz with the paired activation.

    With another it is dL/da, to be pulled back; of the focal loss a dL/da, for softmax.
    """
    exp, log, clipped = of.exp, of.log, _clipped(real)
    tanh = sigma(real, Activation.TANH, of)
    zero, one = real(0), real(1)

    def difference(a: Any, y: Any, c: Any) -> Any:
        return a - y

    def gamma(a: Any, y: Any, c: Any) -> Any:
        return one - y / a

    def absolute_error(a: Any, y: Any, c: Any) -> Any:
        r = a - y
        below = -one if r < zero else r
        return one if r > zero else below

    def huber(a: Any, y: Any, c: Any) -> Any:
        r = a - y
        r = -c if r < -c else r
        return c if r > c else r

    def log_cosh(a: Any, y: Any, c: Any) -> Any:
        return tanh(a - y)

    def quantile(a: Any, y: Any, c: Any) -> Any:
        r = a - y
        below = -c if r < zero else r
        return one - c if r > zero else below

    def focal(a: Any, y: Any, c: Any) -> Any:
        p = clipped(a)
        q = one - p
        return y * exp(c * log(q)) * (c * p * log(p) / q - one)

    def binary_focal(a: Any, y: Any, c: Any) -> Any:
        p = clipped(a)
        q = one - p
        log_p, log_q = log(p), log(q)
        of_one = exp(c * log_q) * (c * p * log_p - q)
        return y * of_one - (one - y) * (exp(c * log_p) * (c * q * log_q - p))

    formulas: dict[Loss, Scalar] = {
        Loss.GAMMA: gamma,
        Loss.ABSOLUTE_ERROR: absolute_error,
        Loss.HUBER: huber,
        Loss.LOG_COSH: log_cosh,
        Loss.QUANTILE: quantile,
        Loss.FOCAL: focal,
        Loss.BINARY_FOCAL: binary_focal,
    }
    return inline(formulas.get(loss, difference))


def _clipped(real: Any) -> Scalar:
    """Make a probability's clip to [eps, 1 - eps]."""
    lowest = np.finfo(real).eps
    highest = real(1) - lowest

    def clip(p: Any) -> Any:
        p = lowest if p < lowest else p
        return highest if p > highest else p

    return inline(clip)


def adam_step(sqrt: Scalar, form: AdamForm = AdamForm.ADAM) -> Scalar:
    """Make theta - (of_m m + of_g g) / (sqrt(v) + epsilon); only NAdam has a share of g."""

    def adam(theta: Any, m: Any, g: Any, v: Any, of_m: Any, of_g: Any, epsilon: Any) -> Any:
        return theta - of_m * m / (sqrt(v) + epsilon)

    def nadam(theta: Any, m: Any, g: Any, v: Any, of_m: Any, of_g: Any, epsilon: Any) -> Any:
        return theta - (of_m * m + of_g * g) / (sqrt(v) + epsilon)

    return inline(nadam if form is AdamForm.NADAM else adam)


def adam_factors(real: Any, form: AdamForm, exp: Scalar) -> Scalar:
    """Make of_m, of_g and epsilon of `adam_step`.

    c_1 = 1 - beta_1^t and c_2 = sqrt(1 - beta_2^t) are given. Of the factors of NAdam's product
    p_t, which are about half of beta_1 at first, 64 leave 1 - p_t as it is, rounded.
    """
    zero, one, half = real(0), real(1), real(0.5)
    log_q = real(0.004 * log_of(0.96))
    q = real(0.96**0.004)

    def adam(rate: Any, t: Any, beta_1: Any, c_1: Any, c_2: Any, epsilon: Any) -> Any:
        return rate * c_2 / c_1, zero, epsilon

    def adamw(rate: Any, t: Any, beta_1: Any, c_1: Any, c_2: Any, epsilon: Any) -> Any:
        return rate * c_2 / c_1, zero, epsilon * c_2

    def nadam(rate: Any, t: Any, beta_1: Any, c_1: Any, c_2: Any, epsilon: Any) -> Any:
        product, power = one, one
        for _ in range(t if t < 64 else 64):
            power *= q
            product *= beta_1 * (one - half * power)
        now = beta_1 * (one - half * exp(real(t) * log_q))
        ahead = beta_1 * (one - half * exp(real(t + 1) * log_q))
        of_m = rate * c_2 * ahead / (one - product * ahead)
        return of_m, rate * c_2 * (one - now) / (one - product), epsilon * c_2

    formulas: dict[AdamForm, Scalar] = {
        AdamForm.ADAM: adam,
        AdamForm.ADAMW: adamw,
        AdamForm.NADAM: nadam,
    }
    return inline(formulas[form])


def sign(real: Any) -> Scalar:
    """Make the sign of x: 1, -1, or x itself where it is zero or no number."""
    zero, one = real(0), real(1)

    def sign(x: Any) -> Any:
        y = one if x > zero else x
        return -one if x < zero else y

    return inline(sign)
