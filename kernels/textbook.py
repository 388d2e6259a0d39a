"""Every activation and its derivative as a line of NumPy, which `reference` computes with."""

from collections.abc import Callable

import numpy as np
from scipy.special import expit, ndtr

from .formulas import LEAK, SELU_ALPHA, SELU_SCALE, Activation
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
