"""Measure how long scikit-learn's own code takes for one epoch, gradient or prediction.

Each function is given the estimator after a call, scikit-learn's method and the call's arguments,
and leaves the estimator as it is. The program hears no warning twice.
"""

import copy
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..algorithm.parameters import Array


def epoch(
    estimator: Any,
    original: Callable[..., None],
    X: Any,
    y: Array,
    sample_weight: Array | None,
    *buffers_and_layers: Any,
) -> float:
    """Seconds of an epoch on all rows, by a copy of the estimator."""
    *_, layer_units, _ = buffers_and_layers
    twin = copy.copy(estimator)
    twin.coefs_ = [W.copy() for W in estimator.coefs_]
    twin.intercepts_ = [b.copy() for b in estimator.intercepts_]
    twin.loss_curve_, twin._random_state = [], np.random.RandomState(0)
    twin.early_stopping = twin.verbose = False
    twin.best_loss_ = np.inf  # early stopping leaves none
    if twin.batch_size != "auto":
        twin.batch_size = min(twin.batch_size, len(y))  # the call has warned of more
    del twin._optimizer
    started = time.perf_counter()
    original(twin, X, y, sample_weight, *_buffers(twin, X), layer_units, True)
    return time.perf_counter() - started


def gradient(
    estimator: Any,
    original: Callable[..., None],
    X: Any,
    y: Array,
    sample_weight: Array | None,
    *buffers_and_layers: Any,
) -> float:
    """Seconds of loss and gradient of all rows."""
    started = time.perf_counter()
    estimator._backprop(X, y, sample_weight, *_buffers(estimator, X))
    return time.perf_counter() - started


def prediction(estimator: Any, original: Callable[..., Array], *arguments: Any) -> float:
    """Seconds of the same prediction."""
    started = time.perf_counter()
    original(estimator, *arguments)
    return time.perf_counter() - started


def _buffers(estimator: Any, X: Any) -> tuple[list[Any], ...]:
    """Make lists as scikit-learn's `_fit` does: activations, deltas and gradients."""
    layers = len(estimator.coefs_)
    coef_grads = [np.empty_like(W) for W in estimator.coefs_]
    intercept_grads = [np.empty_like(b) for b in estimator.intercepts_]
    return [X] + [None] * layers, [None] * layers, coef_grads, intercept_grads
