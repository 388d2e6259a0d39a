"""Formulas of activations and losses as text, in general and with one example's numbers put in."""

from __future__ import annotations

import math

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
_Pieces = str | tuple[str, str]
"""What numbers are put in; of two, the second where the formula in general says "else"."""

_VALUE: dict[str, _Pieces] = {
    "sigmoid": "1 / (1 + e^({minus_x}))",
    "tanh": "tanh({x})",
    "relu": "max(0, {x})",
    "identity": "{x}",
    "silu": "{z} / (1 + e^({minus_x}))",
    "leaky_relu": "max(0.01 · {z}, {x})",
    "elu": ("{x}", "e^({x}) - 1"),
    "selu": ("1.0507 · {z}", "1.7581 · (e^({x}) - 1)"),
    "gelu": "{z} · {P}",
    "mish": "{z} · tanh(ln(1 + e^({x})))",
    "softplus": "ln(1 + e^({x}))",
    "hardtanh": "max(-1, min(1, {x}))",
    "exp": "e^({x})",
}
_SLOPE: dict[str, _Pieces] = {
    "sigmoid": "{a} · (1 - {a})",
    "tanh": "(1 - {a}²)",
    "relu": ("1", "0"),
    "identity": "1",
    "silu": "{s} · (1 + {z} · (1 - {s}))",
    "leaky_relu": ("1", "0.01"),
    "elu": ("1", "({a} + 1)"),
    "selu": ("1.0507", "({a} + 1.7581)"),
    "gelu": "({P} + {z} · {density})",
    "mish": "({t} + {z} · (1 - {t}²) · {s})",
    "softplus": "(1 - e^({minus_a}))",
    "hardtanh": ("1", "0"),
}
_HALF, _MINUS, _SUM = "½ · ({})", "-({})", "{}"
_SIZE = "max({a} - {y}, {y} - {a})"
_LOSS: dict[str, tuple[str, _Pieces]] = {
    "squared_error": (_HALF, "({a} - {y})²"),
    "absolute_error": (_SUM, _SIZE),
    "huber": (_SUM, ("½ · ({a} - {y})²", f"({_SIZE} - ½)")),
    "log_cosh": (_SUM, "ln(½ · (e^({difference}) + e^({minus_difference})))"),
    "quantile": (_HALF, _SIZE),
    "cross_entropy": (_MINUS, "{y} · ln({a})"),
    "focal": (_MINUS, "{y} · (1 - {a})² · ln({a})"),
    "binary_cross_entropy": (_MINUS, "{y} · ln({a}) + (1 - {y}) · ln(1 - {a})"),
    "binary_focal": (_MINUS, "{y} · (1 - {a})² · ln({a}) + (1 - {y}) · {a}² · ln(1 - {a})"),
    "poisson": (_SUM, ("({y} · ln({y} / {a}) - {y} + {a})", "{a}")),
    "gamma": (_SUM, "({y} / {a} - ln({y} / {a}) - 1)"),
}
"""Of all outputs together, and of one."""
_ERROR = {
    "absolute_error": "{sign}",
    "huber": "max(-1, min(1, {a} - {y}))",
    "log_cosh": "tanh({a} - {y})",
    "quantile": "{half_sign}",
    "focal": "{g} - {a} · ({sum_of_g})",
    "binary_focal": (
        "{y} · (1 - {a})² · (2 · {a} · ln({a}) - 1 + {a})"
        " - (1 - {y}) · {a}² · (2 · (1 - {a}) · ln(1 - {a}) - {a})"
    ),
    "gamma": "1 - {y} / {a}",
}


def activation_of(name: str, z: Array, i: int) -> str:
    """Write sigma of the i-th pre-activation."""
    x = z[i]
    if name == "softmax":
        return f"e^({number(x)}) / ({' + '.join(f'e^({number(other)})' for other in z)})"
    values = {"x": number(x), "minus_x": number(-x), "z": factor(x), "P": number(_phi(x))}
    return _chosen(_VALUE[name], x > 0).format(**values)


def slope_of(name: str, a: float, z: float) -> str:
    """Write sigma' at one unit."""
    inside = -1 < a < 1 if name == "hardtanh" else a > 0
    return _chosen(_SLOPE[name], inside).format(
        a=factor(a),
        minus_a=number(-a),
        z=factor(z),
        s=factor(1 / (1 + np.exp(-z))),
        t=factor(math.tanh(np.logaddexp(0, z))),
        P=number(_phi(z)),
        density=number(math.exp(-z * z / 2) / math.sqrt(2 * math.pi)),
    )


def loss_of(name: str, prediction: Array, y: Array) -> str:
    """Write the loss of one example."""
    whole, share = _LOSS[name]
    shares = [
        _chosen(share, abs(a - t) < 1 if name == "huber" else t > 0).format(**_output(a, t))
        for a, t in zip(prediction, y, strict=True)
    ]
    return whole.format(" + ".join(shares))


def error_of(name: str, prediction: Array, y: Array, i: int) -> str:
    """Write the error of the i-th output."""
    sign = float(np.sign(prediction[i] - y[i]))
    g = y * (1 - prediction) * (2 * prediction * np.log(prediction) - 1 + prediction)
    return _ERROR.get(name, f"{number(prediction[i])} - {{y}}").format(
        **_output(prediction[i], y[i]),
        sign=number(sign),
        half_sign=number(sign / 2),
        g=factor(g[i]),
        sum_of_g=" + ".join(map(factor, g)),
    )


def _chosen(pieces: _Pieces, first: bool) -> str:
    return pieces if isinstance(pieces, str) else pieces[0 if first else 1]


def _output(a: float, y: float) -> dict[str, str]:
    """Write an output, its target and their difference."""
    differences = {"difference": number(a - y), "minus_difference": number(y - a)}
    return {"a": factor(a), "y": factor(y), **differences}


def _phi(z: float) -> float:
    return (1 + math.erf(z / math.sqrt(2))) / 2


def number(value: float) -> str:
    """Write five significant digits: what a pocket calculator is given."""
    return f"{value + 0.0:.5g}"  # + 0.0 turns -0 into 0


def factor(value: float) -> str:
    """Write a number that stands behind an operator: a negative one in brackets."""
    text = number(value)
    return f"({text})" if text.startswith("-") else text
