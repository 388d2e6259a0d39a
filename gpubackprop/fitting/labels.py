"""Targets, with a classifier's labels as scikit-learn numbers them, without checks at every step.

`LabelBinarizer.transform` checks what was checked before it, in ten passes, which take a third of a
small call and a tenth of a long fit. What is not the plain case goes to scikit-learn's own code.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from ..algorithm.parameters import Array
from ..distributed.shards import group_of_shards
from ..kernels.group import Group
from . import overrides
from .scikit_learn import binarizer, checks
from .scikit_learn.contract import MLPClassifier

MAX_CLASSES = 20
"""Classes; of more, scikit-learn may warn."""


def validate_input(
    estimator: Any,
    original: Callable[..., tuple[Any, Array]],
    X: Any,
    y: Any,
    incremental: bool,
    reset: bool,
) -> tuple[Any, Array]:
    """Check examples and targets, and find the classes of a classifier's.

    Labels come back as booleans, a column for each class, or one where there are two. What is not
    the plain case goes to `original`, scikit-learn's `_validate_input`.
    """
    if overrides.in_validation(estimator):
        return original(X, y, incremental, reset)
    if not isinstance(estimator, MLPClassifier):
        left = partial(original, X, y, incremental, reset)
        return checks.trained_on(estimator, X, y, reset, left)
    shards = group_of_shards()
    y = _as_plain(y) if shards else y
    found = _different(y, shards)
    known = hasattr(estimator, "classes_") and (incremental or estimator.warm_start)
    if found is None or (known and not _are_classes(found, estimator)):
        return original(X, y, incremental, reset)
    how = {"accept_sparse": checks.FORMATS, "dtype": checks.DTYPES, "reset": reset}
    left = partial(validate_data, estimator, X, y, **how)
    X, y = checks.trained_on(estimator, X, y, reset, left)
    if not known:
        estimator._label_binarizer = binarizer.fitted(found)
        estimator.classes_ = estimator._label_binarizer.classes_
    return X, binarizer.encoded(y, estimator.classes_)


def _as_plain(y: Any) -> Any:
    """Make an array of labels in a list or a data frame's column, and texts of objects."""
    labels = np.asarray(y)
    texts = labels.dtype.kind == "O" and all(isinstance(label, str) for label in labels.flat)
    return labels.astype(str) if texts else labels


def _different(y: Any, shards: Group | None) -> Array | None:
    """Find the different labels, of all shards; None if some are not plain, or too many."""
    found = np.unique(y) if checks.are_plain_labels(y) else None
    if shards:
        return _union(found, shards)
    return found if found is not None and len(found) <= MAX_CLASSES else None


def _union(found: Array | None, group: Group) -> Array | None:
    """Unite the labels that ranks have found, where all have found plain ones."""
    everyones = group.exchange(found)
    if any(each is None for each in everyones):
        return None
    united: Array = np.unique(np.concatenate(everyones))
    return united


def _are_classes(found: Array, estimator: Any) -> bool:
    """Whether labels are an estimator's classes; in a stream some may lack."""
    own, classes = estimator._label_binarizer, estimator.classes_
    if not hasattr(own, "classes_"):  # a call was refused before it had seen labels
        return False
    of_labels = own.y_type_ in ("binary", "multiclass")
    if not (of_labels and np.array_equal(own.classes_, classes)):
        return False
    every = np.array_equal(found, classes)
    return every or (not estimator.warm_start and _are_among(found, classes))


def _are_among(found: Array, classes: Array) -> bool:
    """Whether each of some different labels is a class."""
    return bool(np.count_nonzero(found[:, None] == classes) == len(found))
