"""Accuracy and R², as scikit-learn's metrics compute them, without their checks of every call.

Early stopping scores after every epoch, and the checks take longer than a small epoch. What is not
the plain case goes to scikit-learn's own functions.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from sklearn import metrics
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score

from ...algorithm.memory import Array
from .checks import are_plain_targets


def accuracy(y: Any, labels: Any, sample_weight: Array | None = None) -> float:
    """Share of the examples whose labels are all as predicted, as `accuracy_score` gives it.

    Examples
    --------
    >>> import numpy as np
    >>> from gpubackprop.fitting.scikit_learn.scores import accuracy
    >>> accuracy(np.array(["a", "b", "b"]), np.array(["a", "b", "a"]), np.array([1.0, 2.0, 1.0]))
    0.75
    """
    if not _alike(y, labels):
        return float(accuracy_score(y, labels, sample_weight=sample_weight))
    hits = y == labels if y.ndim == 1 else (y == labels).all(axis=1)
    if sample_weight is None:
        return float(np.count_nonzero(hits) / len(hits))
    return float(np.average(hits, weights=sample_weight))


def r2(y: Any, y_hat: Any, sample_weight: Array | None = None) -> float:
    """Coefficient of determination, the mean over the outputs, as `r2_score` gives it.

    Examples
    --------
    >>> import numpy as np
    >>> from gpubackprop.fitting.scikit_learn.scores import r2
    >>> r2(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 1.0]))
    0.5
    """
    if isinstance(y, np.ndarray) and y.ndim == 2 and np.ndim(y_hat) == 1:
        y_hat = y_hat[:, None]
    if _alike(y, y_hat) and y.dtype.kind in "biuf" and len(y) > 1:
        explained = _explained(y, y_hat, sample_weight)
        if explained is not None:
            return explained
    return float(r2_score(y, y_hat, sample_weight=sample_weight))


QUICK = {accuracy_score: accuracy, r2_score: r2}
"""Metrics by those of scikit-learn that give the same numbers."""
_KINDS = {accuracy_score: ("biu", "U"), r2_score: ("biuf",)}
"""Types of targets and predictions that pass a metric's checks together."""
_METRICS = {ClassifierMixin.score: "accuracy_score", RegressorMixin.score: "r2_score"}
"""Names of the metrics that scikit-learn's methods score by."""


def score(
    inherited: Callable[..., Any], predict: Callable[[Any], Any], X: Any, y: Any, sample_weight: Any
) -> Any:
    """Score predictions as the inherited method does, quickly where it is scikit-learn's."""
    name = _METRICS.get(getattr(inherited, "__func__", None))
    if name is None:
        return inherited(X, y, sample_weight)
    return _checked(getattr(metrics, name), y, predict(X), sample_weight)


def _checked(metric: Callable[..., Any], y: Any, predicted: Any, sample_weight: Any) -> Any:
    """Score what nobody has checked before by a metric of scikit-learn's."""
    plain = sample_weight is None and are_plain_targets(y) and are_plain_targets(predicted)
    if plain and metric in QUICK:
        kinds = y.dtype.kind, predicted.dtype.kind
        if any(set(kinds) <= set(pass_together) for pass_together in _KINDS[metric]):
            with suppress(FloatingPointError), np.errstate(all="raise"):
                return QUICK[metric](y, predicted)
    return metric(y, predicted, sample_weight=sample_weight)  # which warns as NumPy is set to


def _explained(y: Array, y_hat: Array, sample_weight: Array | None) -> float | None:
    """R² in scikit-learn's order of operations; None where an output is constant."""
    arrays = (y, y_hat) if sample_weight is None else (y, y_hat, sample_weight)
    dtype = np.result_type(*(array.dtype for array in arrays if array.dtype.kind == "f"))
    y, y_hat, *weights = (a.astype(dtype, copy=False).reshape(len(a), -1) for a in arrays)
    weight, flat = (weights[0], weights[0][:, 0]) if weights else (1.0, None)
    missed = np.sum(weight * (y - y_hat) ** 2, axis=0)
    spread = np.sum(weight * (y - np.average(y, axis=0, weights=flat)) ** 2, axis=0)
    return float(np.average(1 - missed / spread)) if spread.all() else None


def _alike(y: Any, predicted: Any) -> bool:
    arrays = isinstance(y, np.ndarray) and isinstance(predicted, np.ndarray)
    return arrays and y.shape == predicted.shape
