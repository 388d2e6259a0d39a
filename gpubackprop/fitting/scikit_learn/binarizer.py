"""Labels as `LabelBinarizer` encodes and decodes them, without its checks of every call."""

from typing import Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer

from ...algorithm.memory import Array
from ...backends.cuda.device_arrays import beside, on_host


def fitted(classes: Array) -> LabelBinarizer:
    """Make the binarizer that scikit-learn makes of labels, of which each is given once, sorted."""
    binarizer = LabelBinarizer()
    # no wider than the longest, in this machine's byte order
    binarizer.classes_, binarizer.sparse_input_ = np.asarray(list(classes)), False
    binarizer.y_type_ = "multiclass" if len(classes) > 2 else "binary"
    return binarizer


def encoded(y: Array, classes: Array) -> Array:
    """Encode labels in a column for each class; of two, the second's alone; of one, zeros."""
    if len(classes) == 1:
        return np.zeros((len(y), 1), dtype=bool)
    columns: Array = y[:, None] == (classes if len(classes) > 2 else classes[1:])
    return columns


def decoded(binarizer: Any, outputs: Any) -> Any:
    """Turn outputs into labels; sparse targets and a user's own class are left to the binarizer.

    Labels are on the device of the outputs, unless no GPU can hold such labels.
    """
    if binarizer.sparse_input_ or type(binarizer) is not LabelBinarizer:
        return binarizer.inverse_transform(outputs)
    if binarizer.y_type_ == "multilabel-indicator":
        return (outputs > 0.5).astype(np.int64)
    last = len(binarizer.classes_) - 1
    several = outputs.shape[1] > 1
    numbers = outputs.argmax(axis=1) if several else (outputs.ravel() > 0.5).astype(np.int64) * last
    if binarizer.classes_.dtype.kind not in "biuf":
        return binarizer.classes_[on_host(numbers)]
    return beside(binarizer.classes_, outputs)[numbers]
