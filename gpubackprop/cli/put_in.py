"""Formulas of activations and losses as text, in general and with one example's numbers put in."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from gpubackprop.cli.example import Array

SIGMAS = {
    "sigmoid": ("1 / (1 + e^(-z))", "a · (1 - a)"),
    "tanh": ("tanh(z)", "1 - a²"),
    "relu": ("max(0, z)", "1 where a > 0, else 0"),
    "identity": ("z", "1"),
    "silu": ("z · s", "s · (1 + z · (1 - s)), s = 1 / (1 + e^(-z))"),
    "leaky_relu": ("max(0.01 · z, z)", "1 where a > 0, else 0.01"),
    "elu": ("z where z > 0, else e^(z) - 1", "1 where a > 0, else a + 1"),
    "selu": (
        "1.0507 · z where z > 0, else 1.7581 · (e^(z) - 1)",
        "1.0507 where a > 0, else a + 1.7581",
    ),
    "gelu": ("z · P", "P + z · e^(-z²/2) / √(2π), P the normal distribution's Φ(z)"),
    "mish": ("z · t", "t + z · (1 - t²) · s, t = tanh(ln(1 + e^(z))), s = 1 / (1 + e^(-z))"),
    "softplus": ("ln(1 + e^(z))", "1 - e^(-a)"),
    "hardtanh": ("z, at least -1 and at most 1", "1 where -1 < a < 1, else 0"),
    "exp": ("e^(z)", ""),
    "softmax": ("e^(zᵢ) / Σₖ e^(zₖ)", ""),
}
"""sigma(z) and sigma'(z) of each activation."""
LOSSES = {
    "squared_error": "½ Σᵢ (ŷᵢ - yᵢ)²",
    "absolute_error": "Σᵢ |ŷᵢ - yᵢ|",
    "huber": "Σᵢ ½ rᵢ² where |rᵢ| < 1, else |rᵢ| - ½, r = ŷ - y",
    "log_cosh": "Σᵢ ln(½ (e^(rᵢ) + e^(-rᵢ))), r = ŷ - y",
    "quantile": "Σᵢ ½ |ŷᵢ - yᵢ| (level ½: the median)",
    "cross_entropy": "-Σᵢ yᵢ · ln ŷᵢ",
    "binary_cross_entropy": "-Σᵢ (yᵢ · ln ŷᵢ + (1 - yᵢ) · ln(1 - ŷᵢ))",
    "focal": "-Σᵢ yᵢ · (1 - ŷᵢ)² · ln ŷᵢ",
    "binary_focal": "-Σᵢ (yᵢ · (1 - ŷᵢ)² · ln ŷᵢ + (1 - yᵢ) · ŷᵢ² · ln(1 - ŷᵢ))",
    "poisson": "Σᵢ (yᵢ · ln(yᵢ / ŷᵢ) - yᵢ + ŷᵢ)",
    "gamma": "Σᵢ (yᵢ / ŷᵢ - ln(yᵢ / ŷᵢ) - 1)",
}
"""L of each loss."""
ERRORS = {
    "absolute_error": "1 where ŷ > y, else -1",
    "huber": "ŷ - y, at least -1 and at most 1",
    "log_cosh": "tanh(ŷ - y)",
    "quantile": "½ where ŷ > y, else -½",
    "focal": "g - ŷ Σₖ gₖ, g = y · (1 - ŷ) · (2 · ŷ · ln ŷ - 1 + ŷ)",
    "binary_focal": (
        "y · (1 - ŷ)² · (2 · ŷ · ln ŷ - 1 + ŷ) - (1 - y) · ŷ² · (2 · (1 - ŷ) · ln(1 - ŷ) - ŷ)"
    ),
    "gamma": "1 - y / ŷ",
}
"""The output error of the losses where it is not y_hat - y."""
_OF_ONE = {
    "tanh": "tanh({})",
    "relu": "max(0, {})",
    "identity": "{}",
    "softplus": "ln(1 + e^({}))",
    "hardtanh": "max(-1, min(1, {}))",
    "exp": "e^({})",
}


def activation_of(name: str, z: Array, i: int) -> str:
    """Write sigma of the i-th pre-activation."""
    x, text = z[i], factor(z[i])
    if name == "sigmoid":
        return f"1 / (1 + e^({number(-x)}))"
    if name == "softmax":
        return f"e^({number(x)}) / ({' + '.join(f'e^({number(other)})' for other in z)})"
    if name == "silu":
        return f"{text} / (1 + e^({number(-x)}))"
    if name == "leaky_relu":
        return f"max(0.01 · {text}, {number(x)})"
    if name == "elu":
        return number(x) if x > 0 else f"e^({number(x)}) - 1"
    if name == "selu":
        return f"1.0507 · {text}" if x > 0 else f"1.7581 · (e^({number(x)}) - 1)"
    if name == "gelu":
        return f"{text} · {number(_phi(x))}"
    if name == "mish":
        return f"{text} · tanh(ln(1 + e^({number(x)})))"
    return _OF_ONE[name].format(number(x))


def slope_of(name: str, a: float, z: float) -> str:
    """Write sigma' at one unit."""
    s = 1 / (1 + np.exp(-z))
    if name == "silu":
        return f"{factor(s)} · (1 + {factor(z)} · (1 - {factor(s)}))"
    if name == "sigmoid":
        return f"{factor(a)} · (1 - {factor(a)})"
    if name == "tanh":
        return f"(1 - {factor(a)}²)"
    if name == "gelu":
        density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        return f"({number(_phi(z))} + {factor(z)} · {number(density)})"
    if name == "mish":
        t = factor(math.tanh(np.logaddexp(0, z)))
        return f"({t} + {factor(z)} · (1 - {t}²) · {factor(s)})"
    if name == "softplus":
        return f"(1 - e^({number(-a)}))"
    if name == "hardtanh":
        return "1" if -1 < a < 1 else "0"
    if name == "selu" and a <= 0:
        return f"({factor(a)} + 1.7581)"
    if name == "elu" and a <= 0:
        return f"({factor(a)} + 1)"
    above, below = {"selu": ("1.0507", ""), "leaky_relu": ("1", "0.01")}.get(name, ("1", "0"))
    return above if name == "identity" or a > 0 else below


def loss_of(name: str, prediction: Array, y: Array) -> str:
    """Write the loss of one example."""
    pairs = [(factor(a), factor(t)) for a, t in zip(prediction, y, strict=True)]
    if name == "squared_error":
        return f"½ · ({' + '.join(f'({a} - {t})²' for a, t in pairs)})"
    if name == "quantile":
        return f"½ · ({' + '.join(map(_size, prediction, y))})"
    if name == "cross_entropy":
        return f"-({' + '.join(f'{t} · ln({a})' for a, t in pairs)})"
    if name == "focal":
        return f"-({' + '.join(f'{t} · (1 - {a})² · ln({a})' for a, t in pairs)})"
    if name == "binary_cross_entropy":
        terms = [f"{t} · ln({a}) + (1 - {t}) · ln(1 - {a})" for a, t in pairs]
        return f"-({' + '.join(terms)})"
    if name == "binary_focal":
        terms = [f"{t} · (1 - {a})² · ln({a}) + (1 - {t}) · {a}² · ln(1 - {a})" for a, t in pairs]
        return f"-({' + '.join(terms)})"
    return " + ".join(map(_LOSS_OF_OUTPUT[name], prediction, y))


def error_of(name: str, prediction: Array, y: Array, i: int) -> str:
    """Write the error of the i-th output."""
    a, t = factor(prediction[i]), factor(y[i])
    if name in ("absolute_error", "quantile"):
        sign = float(np.sign(prediction[i] - y[i]))
        return number(sign if name == "absolute_error" else sign / 2)
    if name == "huber":
        return f"max(-1, min(1, {a} - {t}))"
    if name == "log_cosh":
        return f"tanh({a} - {t})"
    if name == "gamma":
        return f"1 - {t} / {a}"
    if name == "binary_focal":
        return (
            f"{t} · (1 - {a})² · (2 · {a} · ln({a}) - 1 + {a})"
            f" - (1 - {t}) · {a}² · (2 · (1 - {a}) · ln(1 - {a}) - {a})"
        )
    if name == "focal":
        g = [
            factor(v)
            for v in y * (1 - prediction) * (2 * prediction * np.log(prediction) - 1 + prediction)
        ]
        return f"{g[i]} - {a} · ({' + '.join(g)})"
    return f"{number(prediction[i])} - {number(y[i])}"


def _phi(z: float) -> float:
    return (1 + math.erf(z / math.sqrt(2))) / 2


def _size(a: float, t: float) -> str:
    return f"max({factor(a)} - {factor(t)}, {factor(t)} - {factor(a)})"


def _huber(a: float, t: float) -> str:
    small = abs(a - t) < 1
    return f"½ · ({factor(a)} - {factor(t)})²" if small else f"({_size(a, t)} - ½)"


def _log_cosh(a: float, t: float) -> str:
    return f"ln(½ · (e^({number(a - t)}) + e^({number(t - a)})))"


def _poisson(a: float, t: float) -> str:
    quotient = f"{factor(t)} / {factor(a)}"
    return f"({factor(t)} · ln({quotient}) - {factor(t)} + {factor(a)})" if t else factor(a)


def _gamma(a: float, t: float) -> str:
    quotient = f"{factor(t)} / {factor(a)}"
    return f"({quotient} - ln({quotient}) - 1)"


_LOSS_OF_OUTPUT: dict[str, Callable[[float, float], str]] = {
    "absolute_error": _size,
    "huber": _huber,
    "log_cosh": _log_cosh,
    "poisson": _poisson,
    "gamma": _gamma,
}


def number(value: float) -> str:
    """Write five significant digits: what a pocket calculator is given."""
    return f"{value + 0.0:.5g}"  # + 0.0 turns -0 into 0


def factor(value: float) -> str:
    """Write a number that stands behind an operator: a negative one in brackets."""
    text = number(value)
    return f"({text})" if text.startswith("-") else text
