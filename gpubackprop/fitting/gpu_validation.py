"""scikit-learn's checks for arrays on a GPU, which it cannot read.

scikit-learn is given a sample on the host instead: an array of the same type, of as many columns
and with the same flaws, a row or one for each class. So its code decides what is refused and in
which words, while the data stay where they are.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn import get_config
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import validate_data

from ..algorithm.memory import Array
from ..backends.cuda.device_arrays import adopt, beside, namespace, on_gpu, on_host


class Sample(NamedTuple):
    """What scikit-learn sees of the targets."""

    y: Array
    """Rows on the host."""
    targets: Callable[[Array], Any]
    """Makes all targets, on the device, of what scikit-learn made of these rows."""


def probe(array: Any, rows: int) -> Array:
    """Make a host array of fewer rows that scikit-learn refuses where it would refuse this one.

    It is read-only: zeros, or the NaN or infinity that the array holds. An array without elements
    keeps its shape.
    """
    shape = (rows, *array.shape[1:]) if array.size else array.shape
    return np.broadcast_to(np.asarray(_flaw(array), array.dtype), shape)


def _flaw(array: Any) -> float:
    """Return a NaN or infinity if the array holds one and scikit-learn wants to know, else 0."""
    if array.dtype.kind not in "fc" or get_config()["assume_finite"]:
        return 0.0
    xp = namespace(array)
    if bool(xp.isfinite(array.sum())):  # one pass, as it does itself
        return 0.0
    if bool(xp.isnan(array).any()):
        return math.nan
    return math.inf if bool(xp.isinf(array).any()) else 0.0


def checked(estimator: Any, X: Any) -> Any:
    """Check examples to predict as `validate_data` does, and give them a type to compute with."""
    seen = validate_data(estimator, probe(X, 1), reset=False)
    return X.astype(seen.dtype, copy=False)


def array_of_targets(y: Any, X: Any) -> Any:
    """Make an array of targets that go with X: on a GPU if they are on one, else on the host."""
    targets = adopt(y) if on_gpu(y) else check_array(y, ensure_2d=False, dtype=None, input_name="y")
    check_consistent_length(X, targets)
    return targets


def sample_of_numbers(y: Any, X: Any) -> Sample:
    """Sample of a regressor's targets."""
    targets = _moved(y.astype(np.float64) if y.dtype.kind == "O" else y, X)
    return Sample(probe(targets, 1), lambda seen: targets.reshape(len(targets), *seen.shape[1:]))


def sample_of_labels(y: Any, X: Any) -> Sample:
    """Sample of a classifier's targets: each label once.

    Labels that no GPU holds, such as strings, are numbered on the host, and the numbers moved.
    """
    values, numbers = namespace(y).unique(y.ravel(), return_inverse=True)
    labels = on_host(values)
    if y.ndim > 1 and y.shape[1] > 1:  # scikit-learn finds out whether they are indicators
        rows = np.resize(labels, (max(len(labels), 1), *y.shape[1:]))
        return Sample(rows, lambda seen: _moved(y, X) != 0)
    rows = labels.reshape(-1, *y.shape[1:])
    return Sample(rows, lambda seen: beside(seen, X)[_moved(numbers, X)])


def _moved(array: Any, X: Any) -> Any:
    return beside(array, X) if isinstance(array, np.ndarray) else array
