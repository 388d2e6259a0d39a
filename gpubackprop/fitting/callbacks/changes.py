"""What callbacks change in a model while it trains, and how that takes effect.

Weights, the learning rate and the other numbers of the optimizer and the penalty count from the
next epoch on; what a training run is built on, such as the batch size, is refused.
"""

from typing import Any, NamedTuple

import numpy as np

from ...algorithm.parameters import Array

_OF_THE_OPTIMIZER = {
    "learning_rate_init": "learning_rate_init",
    "learning_rate": "lr_schedule",
    "power_t": "power_t",
    "momentum": "momentum",
    "nesterovs_momentum": "nesterov",
    "beta_1": "beta_1",
    "beta_2": "beta_2",
    "epsilon": "epsilon",
}
"""The estimator's parameters, and where scikit-learn's optimizer keeps them."""
_READ_EACH_EPOCH = {"learning_rate_init", "learning_rate", "lr_schedule", "power_t"}
_OF_THE_EPOCH = ("alpha", "activation", "weight_decay", "clip_norm")
CHANGEABLE = (*_OF_THE_OPTIMIZER, *_OF_THE_EPOCH)
"""The estimator's parameters that count from the next epoch on."""
_FIXED = (
    *("hidden_layer_sizes", "solver", "loss", "batch_size", "max_iter", "random_state"),
    *("early_stopping", "validation_fraction", "device", "backend", "precision", "scoring"),
    *("class_weight", "schedule", "warmup", "dropout", "label_smoothing", "checkpoint"),
    *("focal_gamma", "huber_delta", "quantile", "out_activation"),
)


class ModelSnapshot(NamedTuple):
    """A model between two epochs, before its callbacks are called."""

    weights: list[Array]
    """Copies."""
    parameters: dict[str, Any]
    """Of the estimator."""
    optimizer: dict[str, Any]
    """Numbers and names in its state."""


def snapshot(estimator: Any) -> ModelSnapshot:
    """Keep what callbacks might change."""
    weights = [w.copy() for w in estimator.coefs_ + estimator.intercepts_]
    watched = (*_OF_THE_OPTIMIZER, *_OF_THE_EPOCH, *_FIXED)
    return ModelSnapshot(
        weights, {name: getattr(estimator, name, None) for name in watched}, _state(estimator)
    )


def take_up(estimator: Any, before: ModelSnapshot) -> bool:
    """Hand the optimizer what callbacks have changed; say whether an engine has to start anew.

    ValueError if something changed that a training run cannot change, such as a shape, or a
    parameter has a value that `fit` would refuse.
    """
    parameters = {name: getattr(estimator, name, None) for name in before.parameters}
    changed = _differing(before.parameters, parameters)
    _require_fixed(changed.intersection(_FIXED))
    if changed.intersection(_OF_THE_EPOCH):
        estimator._validate_params()
    for name in changed.intersection(_OF_THE_OPTIMIZER):
        _hand_over(estimator, name)
    changed |= _differing(before.optimizer, _state(estimator))
    _scale_adams_rate(estimator._optimizer, before.optimizer)
    return bool(changed - _READ_EACH_EPOCH) or _weights_changed(estimator, before.weights)


def _state(estimator: Any) -> dict[str, Any]:
    state = vars(estimator._optimizer)
    return {name: value for name, value in state.items() if not isinstance(value, list)}


def _differing(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    names = before.keys() | after.keys()
    return {name for name in names if not _same(before.get(name), after.get(name))}


def _same(a: Any, b: Any) -> bool:
    return a is b or np.array_equal(a, b)


def _require_fixed(changed: set[str]) -> None:
    if changed:
        raise ValueError(
            f"a callback changed {', '.join(sorted(changed))}, which cannot change while a model "
            "trains; set it before fit"
        )


def _hand_over(estimator: Any, name: str) -> None:
    optimizer, value = estimator._optimizer, getattr(estimator, name)
    if hasattr(optimizer, _OF_THE_OPTIMIZER[name]):
        setattr(optimizer, _OF_THE_OPTIMIZER[name], value)
    if name == "learning_rate_init":
        optimizer.learning_rate = value
        optimizer.iteration_ends(estimator.t_)  # a schedule may lower it


def _scale_adams_rate(optimizer: Any, before: dict[str, Any]) -> None:
    """Scale the initial rate, which Adam computes with, where a callback set only the rate."""
    if not hasattr(optimizer, "beta_1"):
        return
    if optimizer.learning_rate_init == before["learning_rate_init"] and before["learning_rate"]:
        optimizer.learning_rate_init *= optimizer.learning_rate / before["learning_rate"]


def _weights_changed(estimator: Any, before: list[Array]) -> bool:
    after = estimator.coefs_ + estimator.intercepts_
    shapes, expected = [np.shape(w) for w in after], [w.shape for w in before]
    if shapes != expected:
        raise ValueError(
            f"a callback changed the shapes of coefs_ and intercepts_ from {expected} to {shapes}"
        )
    return not all(map(np.array_equal, after, before))
