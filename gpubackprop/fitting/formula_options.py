"""Which activations an estimator's parameters name, and which of them scikit-learn's code has."""

from collections.abc import Callable
from typing import Any

from ..algorithm.parameters import Array
from ..kernels.formulas import (
    ACTIVATIONS,
    ELEMENTWISE,
    LOSSES,
    PAIRINGS,
    Hidden,
    Loss,
    initial_bound,
)
from .contract import mlp
from .options import options

ACTIVATION_OF = {row.scikit_learn or row.name: sigma for sigma, row in ACTIVATIONS.items()}
"""Activations by the name that an estimator's parameter has: scikit-learn's where it has one."""
HIDDEN_NAMES = {name for name, sigma in ACTIVATION_OF.items() if sigma in ELEMENTWISE}
"""Names of the hidden layers' activations."""
OUTPUT_NAMES = {n for n, sigma in ACTIVATION_OF.items() if sigma in PAIRINGS[Loss.SQUARED_ERROR]}
"""Names of the activations that a regressor's outputs can have."""
_OF_SCIKIT_LEARN = {row.scikit_learn for row in ACTIVATIONS.values()}


def require(estimator: Any) -> None:
    """Check parameters whose values go together.

    Raises
    ------
    ValueError
        If a hidden layer's activation is unknown or missing, or the output's has no formula with
        the loss.
    """
    _require_hidden(estimator)
    _require_output(estimator)


def _require_output(estimator: Any) -> None:
    asked = options(estimator).out_activation
    found = [row.outputs for row in LOSSES.values() if row.estimators == estimator.loss]
    valid = [n for n in OUTPUT_NAMES if any(ACTIVATION_OF[n] in outputs for outputs in found)]
    if asked is not None and asked not in valid:
        known = f"one of {', '.join(sorted(valid))}, or None" if valid else "None"
        raise ValueError(
            f"out_activation={asked!r} has no formula with loss={estimator.loss!r}; use {known}"
        )


def _require_hidden(estimator: Any) -> None:
    names = estimator.activation
    if isinstance(names, str):
        return
    sizes = estimator.hidden_layer_sizes
    layers = len(sizes) if hasattr(sizes, "__len__") else 1
    unknown = [name for name in names if name not in HIDDEN_NAMES]
    if unknown or len(names) != layers:
        raise ValueError(
            f"activation must be one of {', '.join(sorted(HIDDEN_NAMES))}, or a sequence of one "
            f"for each of the {layers} hidden layers, got {names!r}"
        )


def hidden_activations(estimator: Any) -> Hidden:
    """Return the activation of all hidden layers, or of each."""
    names = estimator.activation
    if isinstance(names, str):
        return ACTIVATION_OF[names]
    return tuple(ACTIVATION_OF[name] for name in names)


def hidden_names(estimator: Any) -> tuple[str, ...]:
    """Return the names of the hidden layers' activations, each once."""
    names = estimator.activation
    return (names,) if isinstance(names, str) else tuple(dict.fromkeys(names))


def ours_alone(estimator: Any) -> str | None:
    """Find a parameter whose value scikit-learn's code does not know, and nobody taught it.

    Returns
    -------
    name : str or None
    """
    if not isinstance(estimator.activation, str) or is_ours_alone(estimator.activation):
        return "activation"
    return "out_activation" if options(estimator).out_activation is not None else None


def is_ours_alone(activation: str) -> bool:
    """Whether scikit-learn's code has no such activation, and nobody gave it one."""
    ours = activation in HIDDEN_NAMES and activation not in _OF_SCIKIT_LEARN
    return ours and activation not in mlp.ACTIVATIONS


def set_output(estimator: Any) -> None:
    """Give an estimator that was just initialised the output activation that it asks for."""
    asked = options(estimator).out_activation
    if asked is not None:
        estimator.out_activation_ = asked


def initial(
    estimator: Any,
    original: Callable[[int, int, Any], tuple[Array, Array]],
    fan_in: int,
    fan_out: int,
    dtype: Any,
) -> tuple[Array, Array]:
    """Draw the weights and biases of the next layer, as many numbers as scikit-learn does.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Whose `coefs_` hold the layers before.
    original : callable
        `_init_coef`, which knows scikit-learn's own activations.
    fan_in, fan_out, dtype
        Its arguments.
    """
    names = estimator.activation
    if isinstance(names, str) and not is_ours_alone(names):
        return original(fan_in, fan_out, dtype)
    hidden, rng = hidden_activations(estimator), estimator._random_state
    bound = initial_bound(hidden, len(estimator.coefs_), fan_in, fan_out)
    shapes: tuple[Any, Any] = (fan_in, fan_out), fan_out
    W, b = (rng.uniform(-bound, bound, shape).astype(dtype, copy=False) for shape in shapes)
    return W, b
