"""A fit from its checks to its end, in the place of `BaseMultilayerPerceptron._fit`.

The order of events, the random draws and the messages are scikit-learn's; what trains is
`_fit_stochastic` or `_fit_lbfgs`.
"""

from collections.abc import Callable
from itertools import chain, pairwise
from typing import Any

import numpy as np

from . import overrides, solvers
from .scikit_learn.contract import check_sample_weight, mlp
from .scikit_learn.generators import generator


def fit(
    estimator: Any,
    original: Callable[..., Any],
    X: Any,
    y: Any,
    sample_weight: Any = None,
    incremental: bool = False,
) -> Any:
    """Check the data, initialise a network that is not trained on, and train.

    Where a user has replaced what this stands for, `original`, the method that would have run, does
    it all.
    """
    reason = overrides.in_fit(estimator)
    if reason:
        overrides.refuse_solver(estimator, reason)
        return original(X, y, sample_weight, incremental)
    hidden = _hidden_layer_sizes(estimator)
    goes_on = hasattr(estimator, "coefs_") and (incremental or estimator.warm_start)
    X, y = estimator._validate_input(X, y, incremental, reset=not goes_on)
    if sample_weight is not None:
        sample_weight = check_sample_weight(sample_weight, X)
    y = y.reshape((-1, 1)) if y.ndim == 1 else y
    estimator.n_outputs_ = y.shape[1]
    layer_units = [X.shape[1], *hidden, estimator.n_outputs_]
    estimator._random_state = generator(estimator.random_state)
    if not goes_on:
        estimator._initialize(y, layer_units, X.dtype)
    activations = [X, *(None for _ in layer_units[1:])]
    deltas = [None for _ in layer_units[1:]]
    coef_grads = [np.empty(shape, dtype=X.dtype) for shape in pairwise(layer_units)]
    intercept_grads = [np.empty(units, dtype=X.dtype) for units in layer_units[1:]]
    arguments = X, y, sample_weight, activations, deltas, coef_grads, intercept_grads, layer_units
    if estimator.solver == "lbfgs":
        estimator._fit_lbfgs(*arguments)
    elif estimator.solver in (*solvers.OWN, *mlp._STOCHASTIC_SOLVERS):
        estimator._fit_stochastic(*arguments, incremental)
    _require_finite(estimator)
    return estimator


def _hidden_layer_sizes(estimator: Any) -> list[Any]:
    """List the widths; ValueError if one is not above 0."""
    given = estimator.hidden_layer_sizes
    sizes = list(given) if hasattr(given, "__iter__") else [given]
    if (np.array(sizes) <= 0).any():
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return sizes


def _require_finite(estimator: Any) -> None:
    weights = chain(estimator.coefs_, estimator.intercepts_)
    if not all(np.isfinite(w).all() for w in weights):
        raise ValueError(
            "Solver produced non-finite parameter weights. The input data may contain large values "
            "and need to be preprocessed."
        )
