"""Activations, losses and their derivatives as lines of NumPy, which `reference` computes with."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit, ndtr, xlogy

from .formulas import LEAK, SELU_ALPHA, SELU_SCALE, Activation, Loss
from .native.arguments import Array


def _identity(Z: Array, out: Array) -> None:
    out[...] = Z


def _softmax(Z: Array, out: Array) -> None:
    np.exp(Z - Z.max(axis=1, keepdims=True), out=out)
    out /= out.sum(axis=1, keepdims=True)


def _softplus(Z: Array) -> Array:
    """Compute log(1 + exp(Z)) without overflow."""
    softplus: Array = np.maximum(Z, 0) + np.log1p(np.exp(-np.abs(Z)))
    return softplus


def _expm1_below_0(Z: Array) -> Array:
    below: Array = np.expm1(np.minimum(Z, 0))
    return below


def _slope_of_silu(Z: Array) -> Array:
    s = expit(Z)
    slope: Array = s + Z * s * (1 - s)
    return slope


def _slope_of_gelu(Z: Array) -> Array:
    density = np.exp(-(Z**2) / 2) / Z.dtype.type(np.sqrt(2 * np.pi))
    slope: Array = ndtr(Z) + Z * density
    return slope


def _slope_of_mish(Z: Array) -> Array:
    t = np.tanh(_softplus(Z))
    slope: Array = t + Z * (1 - t**2) * expit(Z)
    return slope


SIGMA: dict[Activation, Callable[[Array, Array], object]] = {
    Activation.IDENTITY: _identity,
    Activation.RELU: lambda Z, out: np.maximum(Z, 0, out=out),
    Activation.SIGMOID: lambda Z, out: expit(Z, out=out),
    Activation.TANH: lambda Z, out: np.tanh(Z, out=out),
    Activation.SOFTMAX: _softmax,
    Activation.EXP: lambda Z, out: np.exp(Z, out=out),
    Activation.SILU: lambda Z, out: np.multiply(Z, expit(Z), out=out),
    Activation.LEAKY_RELU: lambda Z, out: np.maximum(Z, LEAK * Z, out=out),
    Activation.ELU: lambda Z, out: np.add(np.maximum(Z, 0), _expm1_below_0(Z), out=out),
    Activation.SELU: lambda Z, out: np.multiply(
        SELU_SCALE, np.maximum(Z, 0) + SELU_ALPHA * _expm1_below_0(Z), out=out
    ),
    Activation.GELU: lambda Z, out: np.multiply(Z, ndtr(Z), out=out),
    Activation.MISH: lambda Z, out: np.multiply(Z, np.tanh(_softplus(Z)), out=out),
    Activation.SOFTPLUS: lambda Z, out: np.copyto(out, _softplus(Z)),
    Activation.HARDTANH: lambda Z, out: np.clip(Z, -1, 1, out=out),
}
"""out = sigma(Z); both may be the same array."""

SLOPE: dict[Activation, Callable[[Array], Array]] = {
    Activation.IDENTITY: np.ones_like,
    Activation.RELU: lambda A: (A != 0).astype(A.dtype),
    Activation.SIGMOID: lambda A: A * (1 - A),
    Activation.TANH: lambda A: 1 - A**2,
    Activation.SILU: _slope_of_silu,
    Activation.LEAKY_RELU: lambda A: np.where(A > 0, 1, A.dtype.type(LEAK)),
    Activation.ELU: lambda A: 1 + np.minimum(A, 0),
    Activation.SELU: lambda A: np.where(A > 0, SELU_SCALE, A + SELU_SCALE * SELU_ALPHA),
    Activation.GELU: _slope_of_gelu,
    Activation.MISH: _slope_of_mish,
    Activation.SOFTPLUS: lambda A: -np.expm1(-A),
    Activation.HARDTANH: lambda A: (np.abs(A) < 1).astype(A.dtype),
}
"""sigma'(Z), written with A = sigma(Z), or with Z where the activation reads that."""


def _clipped(A: Array) -> Array:
    eps = np.finfo(A.dtype).eps
    p: Array = np.clip(A, eps, 1 - eps)
    return p


def _binary_cross_entropy(A: Array, Y: Array, c: Any) -> Array:
    p = _clipped(A)
    loss: Array = -xlogy(Y, p) - xlogy(1 - Y, 1 - p)
    return loss


def _huber(A: Array, Y: Array, c: Any) -> Array:
    r = np.abs(A - Y)
    loss: Array = np.where(r <= c, r**2 / 2, c * (r - c / 2))
    return loss


def _log_cosh(A: Array, Y: Array, c: Any) -> Array:
    r = np.abs(A - Y)
    loss: Array = np.maximum(r + (np.log1p(np.exp(-2 * r)) - A.dtype.type(np.log(2))), 0)
    return loss


def _quantile(A: Array, Y: Array, c: Any) -> Array:
    loss: Array = np.where(A > Y, (1 - c) * (A - Y), c * (Y - A))
    return loss


def _focal(A: Array, Y: Array, c: Any) -> Array:
    p = _clipped(A)
    loss: Array = -Y * (1 - p) ** c * np.log(p)
    return loss


def _focal_error(A: Array, Y: Array, c: Any) -> Array:
    p = _clipped(A)
    error: Array = Y * (1 - p) ** c * (c * p * np.log(p) / (1 - p) - 1)
    return error


def _difference(A: Array, Y: Array, c: Any) -> Array:
    difference: Array = A - Y
    return difference


LOSS: dict[Loss, Callable[[Array, Array, Any], Array]] = {
    Loss.SQUARED_ERROR: lambda A, Y, c: 0.5 * (A - Y) ** 2,
    Loss.CROSS_ENTROPY: lambda A, Y, c: -xlogy(Y, _clipped(A)),
    Loss.BINARY_CROSS_ENTROPY: _binary_cross_entropy,
    Loss.POISSON: lambda A, Y, c: xlogy(Y, Y / A) - Y + A,
    Loss.GAMMA: lambda A, Y, c: Y / A - np.log(Y / A) - 1,
    Loss.ABSOLUTE_ERROR: lambda A, Y, c: np.abs(A - Y),
    Loss.HUBER: _huber,
    Loss.LOG_COSH: _log_cosh,
    Loss.QUANTILE: _quantile,
    Loss.FOCAL: _focal,
    Loss.BINARY_FOCAL: lambda A, Y, c: _focal(A, Y, c) + _focal(1 - A, 1 - Y, c),
}
"""L of every output, with the loss's constant c; the caller sums them."""

ERROR: dict[Loss, Callable[[Array, Array, Any], Array]] = {
    Loss.SQUARED_ERROR: _difference,
    Loss.CROSS_ENTROPY: _difference,
    Loss.BINARY_CROSS_ENTROPY: _difference,
    Loss.POISSON: _difference,
    Loss.GAMMA: lambda A, Y, c: 1 - Y / A,
    Loss.ABSOLUTE_ERROR: lambda A, Y, c: np.sign(A - Y),
    Loss.HUBER: lambda A, Y, c: np.clip(A - Y, -c, c),
    Loss.LOG_COSH: lambda A, Y, c: np.tanh(A - Y),
    Loss.QUANTILE: lambda A, Y, c: np.where(A > Y, 1 - c, np.where(A < Y, -c, A - Y)),
    Loss.FOCAL: _focal_error,
    Loss.BINARY_FOCAL: lambda A, Y, c: (
        _focal_error(A, Y, c) * (1 - A) - _focal_error(1 - A, 1 - Y, c) * A
    ),
}
"""dL/dz with the paired activation, else dL/da, as `elementwise.error_of` makes it."""
