"""Activations and losses that an estimator's parameters name, and what of them scikit-learn has."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...algorithm.parameters import Array
from ...kernels.formulas import (
    ACTIVATIONS,
    ELEMENTWISE,
    LOSSES,
    PAIRINGS,
    Hidden,
    Loss,
    initial_bound,
)
from ..scikit_learn.contract import mlp
from .values import changed, has_options, options

ACTIVATION_OF = {row.scikit_learn or row.name: sigma for sigma, row in ACTIVATIONS.items()}
"""Activations by the name that an estimator's parameter has: scikit-learn's where it has one."""
HIDDEN_NAMES = {name for name, sigma in ACTIVATION_OF.items() if sigma in ELEMENTWISE}
"""Names of the hidden layers' activations."""
OUTPUT_NAMES = {n for n, sigma in ACTIVATION_OF.items() if sigma in PAIRINGS[Loss.SQUARED_ERROR]}
"""Names of the activations that a regressor's outputs can have."""
CLASSIFIERS_LOSSES = {"log_loss", "focal"}
"""Names of a classifier's losses."""
REGRESSORS_LOSSES = (
    {row.estimators for row in LOSSES.values()}
    - CLASSIFIERS_LOSSES
    - {row.name for row in LOSSES.values() if row.estimators in CLASSIFIERS_LOSSES}
)
"""Names of a regressor's losses."""
_LOSSES_OF_SCIKIT_LEARN = {"squared_error", "poisson", "log_loss"}
_OUR_LOSSES = (REGRESSORS_LOSSES | CLASSIFIERS_LOSSES) - _LOSSES_OF_SCIKIT_LEARN
_CONSTANTS = {"huber_delta": "huber", "quantile": "quantile", "focal_gamma": "focal"}
"""Parameters that are a loss's constant, with the loss."""
_OF_SCIKIT_LEARN = {row.scikit_learn for row in ACTIVATIONS.values()}


def require(estimator: Any) -> None:
    """Check parameters whose values go together.

    ValueError if a hidden layer's activation is unknown or missing, the output's has no formula
    with the loss, or a constant is not of the loss.
    """
    _require_hidden(estimator)
    _require_output(estimator)
    _require_constants(estimator)


def _require_constants(estimator: Any) -> None:
    own, chosen = options(estimator)._asdict(), changed(estimator)
    for name, loss in _CONSTANTS.items():
        if estimator.loss != loss and name in chosen:
            raise ValueError(
                f"{name}={own[name]!r} is of loss={loss!r}, got loss={estimator.loss!r}; leave "
                f"{name} out"
            )
    named = _require_levels(estimator)
    if own["sort_quantiles"] and len(named) < 2:
        raise ValueError(
            "sort_quantiles=True sorts the predictions of several levels: give loss='quantile' and "
            f"a sequence of them, got loss={estimator.loss!r} and quantile={own['quantile']!r}"
        )


def _require_levels(estimator: Any) -> tuple[float, ...]:
    try:
        named = levels(estimator)
    except (TypeError, ValueError):  # texts, or a sequence of sequences
        named = (0.0,)
    in_range = all(0 < level < 1 for level in named) and len(set(named)) == len(named)
    if not in_range or (estimator.loss == "quantile" and not named):
        raise ValueError(
            "quantile must be a level between 0 and 1, or a sequence of different ones, got "
            f"{options(estimator).quantile!r}"
        )
    return named


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
    unknown = [name for name in names if not isinstance(name, str) or name not in HIDDEN_NAMES]
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


def levels(estimator: Any) -> tuple[float, ...]:
    """Return the quantiles that are asked for; none with another loss."""
    asked = options(estimator).quantile
    if estimator.loss != "quantile":
        return ()
    return (0.5,) if asked is None else tuple(map(float, np.atleast_1d(asked)))


def constants(estimator: Any) -> tuple[float, ...]:
    """Return the loss's constants, one for all outputs or one for each."""
    own = options(estimator)
    of_one = {"huber": own.huber_delta, "focal": own.focal_gamma}
    return (float(of_one[estimator.loss]),) if estimator.loss in of_one else levels(estimator)


def ours_alone(estimator: Any) -> str | None:
    """Find a parameter whose value scikit-learn's code does not know, and nobody taught it."""
    cls: Any = type(estimator)
    if not has_options(cls):  # scikit-learn's own, of which it has checked the values
        return None
    if not isinstance(estimator.activation, str) or is_ours_alone(estimator.activation):
        return "activation"
    if is_our_loss(estimator.loss):
        return "loss"
    return "out_activation" if options(estimator).out_activation is not None else None


def known_to_scikit_learn(estimator: Any, name: str) -> str:
    """Say in words which values of an estimator's parameter scikit-learn's code knows."""
    losses = CLASSIFIERS_LOSSES if estimator.loss in CLASSIFIERS_LOSSES else REGRESSORS_LOSSES
    known = {
        "activation": HIDDEN_NAMES & mlp.ACTIVATIONS.keys(),
        "loss": losses & _LOSSES_OF_SCIKIT_LEARN,
    }
    return f"one of {', '.join(sorted(known[name]))}" if name in known else "None"


def is_our_loss(loss: str) -> bool:
    """Whether scikit-learn's code has no such loss, and nobody gave it one."""
    return loss in _OUR_LOSSES and loss not in mlp.LOSS_FUNCTIONS


def is_asked_for(estimator: Any) -> bool:
    """Whether loss and output are of parameters of ours and have a formula together."""
    asked, output = options(estimator).out_activation, estimator.out_activation_
    if output != asked and not is_our_loss(estimator.loss):
        return False
    sigma, rows = ACTIVATION_OF.get(output), LOSSES.values()
    return any(row.estimators == estimator.loss and sigma in row.outputs for row in rows)


def is_ours_alone(activation: str) -> bool:
    """Whether scikit-learn's code has no such activation, and nobody gave it one."""
    ours = activation in HIDDEN_NAMES and activation not in _OF_SCIKIT_LEARN
    return ours and activation not in mlp.ACTIVATIONS


def set_output(estimator: Any) -> None:
    """Give an estimator that was just initialised the output activation that it asks for."""
    asked = _output_of(estimator)
    if asked is not None:
        estimator.out_activation_ = asked
    vars(estimator).pop("_out_activation_asked", None)
    if options(estimator).out_activation is not None:
        estimator._out_activation_asked = asked


def _output_of(estimator: Any) -> str | None:
    """Find the output activation that an option or a loss of ours asks for."""
    asked = options(estimator).out_activation
    if asked is None and estimator.loss in REGRESSORS_LOSSES and is_our_loss(estimator.loss):
        return "exp" if estimator.loss == "gamma" else "identity"
    return asked


def require_same_output(estimator: Any) -> None:
    """Raise ValueError if training goes on with a network of another output than asked."""
    asked = _output_of(estimator)
    if asked is None and hasattr(estimator, "_out_activation_asked"):  # it was, and is no more
        asked = "exp" if estimator.loss == "poisson" else "identity"
    output = estimator.out_activation_
    if asked is not None and asked != output:
        raise ValueError(
            f"out_activation={options(estimator).out_activation!r} and loss={estimator.loss!r} ask "
            f"for outputs of {asked!r}, but training goes on with a network of {output!r}; fit "
            "anew without warm_start to change them"
        )


def initial(
    estimator: Any,
    original: Callable[[int, int, Any], tuple[Array, Array]],
    fan_in: int,
    fan_out: int,
    dtype: Any,
) -> tuple[Array, Array]:
    """Draw the weights and biases of the next layer, as many numbers as scikit-learn does.

    `coefs_` hold the layers before. `original` is `_init_coef`, which knows scikit-learn's own
    activations.
    """
    names = estimator.activation
    if isinstance(names, str) and not is_ours_alone(names):
        return original(fan_in, fan_out, dtype)
    hidden, rng = hidden_activations(estimator), estimator._random_state
    bound = initial_bound(hidden, len(estimator.coefs_), fan_in, fan_out)
    shapes: tuple[Any, Any] = (fan_in, fan_out), fan_out
    W, b = (rng.uniform(-bound, bound, shape).astype(dtype, copy=False) for shape in shapes)
    return W, b
