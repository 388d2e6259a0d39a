"""scikit-learn's checks of examples and targets, left out where it is known that they pass.

They take longer than a small batch. What is plain comes out of them as it went in: arrays of
NumPy's own class, examples in rows of float32 or float64, a target for each, all numbers finite,
and an estimator that knows no names of columns. scikit-learn checks, converts, refuses and warns of
everything else.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from ...algorithm.memory import Array

FORMATS, DTYPES = ["csr", "csc"], (np.float64, np.float32)
"""Sparse formats and types of examples that scikit-learn's estimators take."""


def examples(estimator: Any, X: Any, dtype: Any = "numeric") -> Any:
    """Check examples that are not trained on, as `validate_data` does."""
    if _are_plain(X) and _are_foreseen(estimator, X, reset=False):
        return X
    return validate_data(estimator, X, accept_sparse=FORMATS, dtype=dtype, reset=False)


def trained_on(
    estimator: Any, X: Any, y: Any, reset: bool, otherwise: Callable[[], tuple[Any, Any]]
) -> tuple[Any, Any]:
    """Check examples and targets to train on, as `validate_data` does.

    With `reset` the estimator counts its features anew; `otherwise` checks what is not plain.
    """
    plain = _are_plain(X) and are_plain_targets(y) and len(X) == len(y)
    if not (plain and _are_foreseen(estimator, X, reset)):
        return otherwise()
    if reset:
        estimator.n_features_in_ = X.shape[1]
    return X, y


def are_plain_labels(y: Any) -> bool:
    """Whether labels are integers, booleans or texts in an array of one dimension."""
    return _is_array(y, 1) and y.dtype.kind in "biuU"


def are_plain_targets(y: Any) -> bool:
    """Whether targets are plain labels, or finite numbers in an array of one dimension."""
    return are_plain_labels(y) or (_is_array(y, 1) and y.dtype.char in "fd" and _are_finite(y))


def _are_plain(X: Any) -> bool:
    return _is_array(X, 2) and X.dtype in DTYPES and _are_finite(X)


def _is_array(value: Any, dimensions: int) -> bool:
    """Whether a value is an array of NumPy's own class with elements."""
    return type(value) is np.ndarray and value.ndim == dimensions and value.size > 0


def _are_foreseen(estimator: Any, X: Array, reset: bool) -> bool:
    """Whether an estimator knows no names of columns, and as many columns as X has."""
    columns = X.shape[1]
    counted = reset or getattr(estimator, "n_features_in_", columns) == columns
    return counted and not hasattr(estimator, "feature_names_in_")


def _are_finite(array: Array) -> bool:
    """Whether the sum is finite: in one pass, as scikit-learn begins."""
    with np.errstate(all="ignore"):
        return math.isfinite(array.sum())
