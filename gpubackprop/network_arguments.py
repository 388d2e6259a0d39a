"""The arguments that a `Network` is made with, checked and looked up."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import backends
from .kernels.formulas import ACTIVATIONS, ELEMENTWISE, LOSSES, PAIRINGS, Formulas, Loss

ACTIVATION_OF = {
    name: sigma
    for sigma, row in ACTIVATIONS.items()
    for name in (row.name, row.scikit_learn)
    if name
}
"""Activations by name, ours and scikit-learn's, whose word for the sigmoid is "logistic"."""

LOSS_OF = {row.name: loss for loss, row in LOSSES.items()}
"""Losses by name."""


def require_sizes(layer_sizes: Sequence[int]) -> tuple[int, ...]:
    """Check d_0 .. d_L."""
    sizes = tuple(layer_sizes) if np.iterable(layer_sizes) else ()
    whole = all(isinstance(d, (int, np.integer)) and d > 0 for d in sizes)
    if len(sizes) < 2 or not whole:
        raise ValueError(
            "layer_sizes must be at least two positive integers, inputs first and outputs last, "
            f"got {layer_sizes!r}"
        )
    return tuple(int(d) for d in sizes)


def dtype_of(name: Any, precision: str = "auto") -> np.dtype[Any]:
    """Type of all numbers, where the two agree on one."""
    if isinstance(name, np.dtype):
        name = name.name
    elif isinstance(name, type) and issubclass(name, np.generic):
        name = name.__name__
    if name not in ("auto", "float32", "float64"):
        raise ValueError(f"dtype must be 'float32' or 'float64', got {name!r}")
    meant = backends.dtype_of(precision)
    if name == "auto":
        return meant or np.dtype(np.float32)
    dtype: np.dtype[Any] = np.dtype(name)
    if meant is not None and meant != dtype:
        raise ValueError(f"precision={precision!r} computes in {meant}, but dtype={name!r}")
    return dtype


def constants_of(loss: str, constant: Any, outputs: int) -> tuple[float, ...]:
    """Check a loss's constant, of all outputs or of each; none where it is the usual one."""
    if constant is None:
        return ()
    try:
        values = tuple(np.ravel(np.asarray(constant, dtype=float)).tolist())
    except (TypeError, ValueError):
        values = ()
    if LOSSES[LOSS_OF[loss]].constant is None or len(values) not in (1, outputs):
        having = [name for name, each in LOSS_OF.items() if LOSSES[each].constant is not None]
        raise ValueError(
            f"loss_constant is a number, or one for each of the {outputs} outputs, of the losses "
            f"{', '.join(having)}; got {constant!r} with loss={loss!r}"
        )
    most = 1.0 if LOSS_OF[loss] is Loss.QUANTILE else np.inf
    if not all(0 <= value <= most for value in values):
        raise ValueError(
            f"loss_constant of {loss!r} must be between 0 and {most:g}, got {constant!r}"
        )
    return values


def formulas_of(
    hidden_layers: int, activation: str | Sequence[str], output_activation: str, loss: str
) -> Formulas:
    """Look the names up; several activations are of the hidden layers one by one."""
    of_each = [activation] if isinstance(activation, str) else list(activation)
    if not isinstance(activation, str) and len(of_each) != hidden_layers:
        raise ValueError(
            f"activation must be one name, or one for each of the {hidden_layers} hidden layers, "
            f"got {activation!r}"
        )
    hidden_names = [n for n, a in ACTIVATION_OF.items() if a in ELEMENTWISE]
    for name, known, value in (
        *(("activation", hidden_names, each) for each in of_each),
        ("output_activation", list(ACTIVATION_OF), output_activation),
        ("loss", list(LOSS_OF), loss),
    ):
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}")
    output, valid_outputs = ACTIVATION_OF[output_activation], PAIRINGS[LOSS_OF[loss]]
    if output not in valid_outputs:
        valid = "; ".join(
            f"{name} with {', '.join(n for n, a in ACTIVATION_OF.items() if a in PAIRINGS[l])}"
            for name, l in LOSS_OF.items()
        )
        raise ValueError(
            f"no formula for loss={loss!r} with output_activation={output_activation!r}; "
            f"formulas exist for {valid}"
        )
    hidden = tuple(ACTIVATION_OF[each] for each in of_each)
    return Formulas(hidden[0] if isinstance(activation, str) else hidden, output, LOSS_OF[loss])
