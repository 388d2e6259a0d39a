"""The rows that a model is trained on, and those that it is validated with after every epoch."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_consistent_length, column_or_1d

from ..algorithm.parameters import Array
from ..backends.cuda import device_arrays
from ..training.dealing import Deal
from . import gpu_validation
from .conversion import chosen_dtype, in_chosen_dtype
from .options import class_weight
from .quantiles import outputs_of
from .scikit_learn import checks
from .scikit_learn.binarizer import decoded


class ValidationRows(NamedTuple):
    """Rows that take no part in training."""

    X: Any
    y: Array
    """Labels or values, which a score compares with predictions; on the host."""
    targets: Any
    """The network's targets of shape (n, n_outputs), which the loss is of."""
    sample_weight: Array | None


class Data(NamedTuple):
    """Rows to train on, and rows to validate with if there are any."""

    X: Any
    y: Array
    sample_weight: Array | None
    validation: ValidationRows | None = None
    deal: Deal | None = None
    """Where ranks train together: which rows they train on; X and y are what this one holds."""
    numbers: Array | None = None
    """Numbers of the rows to train on, where X, y and sample_weight have those held out as well."""

    @property
    def rows(self) -> int:
        """How many to train on, over all ranks."""
        if self.numbers is not None:
            return len(self.numbers)
        return int(self.X.shape[0]) if self.deal is None else self.deal.size

    @property
    def order(self) -> Array:
        """The rows to train on, in the order that the first epoch shuffles; a new array."""
        if self.numbers is not None:
            return self.numbers.astype(np.int64)
        return np.arange(self.rows)


class _Given(NamedTuple):
    """What `fit` was given to validate with."""

    X: Any
    y: Any
    sample_weight: Any


@contextmanager
def given(estimator: Any, X_val: Any, y_val: Any, sample_weight_val: Any) -> Iterator[None]:
    """Let a call of `fit` validate with these rows; they are checked once the classes are known.

    ValueError if one of X_val and y_val is given without the other, in scikit-learn's words, or
    sample_weight_val without them.
    """
    if X_val is None and y_val is None and sample_weight_val is None:
        yield
        return
    if X_val is None:
        lone = "sample_weight_val" if y_val is None else "y_val"
        raise ValueError(f"{lone} is provided, but X_val was not provided.")
    if y_val is None:
        raise ValueError("X_val is provided, but y_val was not provided.")
    estimator._given = _Given(X_val, y_val, sample_weight_val)
    try:
        yield
    finally:
        del estimator._given


def were_given(estimator: Any) -> bool:
    """Whether the present call of `fit` was given rows to validate with."""
    return "_given" in vars(estimator)


def divided(estimator: Any, X: Any, y: Array, sample_weight: Array | None) -> Data:
    """Set rows to validate with beside those to train on.

    They are what `fit` was given; else, with early stopping, held out, drawn as scikit-learn draws
    them. ValueError if they are too few, or do not go with those to train on.
    """
    if were_given(estimator):
        return Data(X, y, sample_weight, checked(estimator, X, y))
    if estimator.early_stopping:
        return _held_out(estimator, X, y, sample_weight)
    return Data(X, y, sample_weight)


def _strata(y: Array) -> Array:
    """Name the class of each row as scikit-learn's split does, which spells a column row by row."""
    column: Array = device_arrays.on_host(y).ravel()
    narrow = np.int8 if column.dtype.kind in "iu" else column.dtype  # 0 and 1 in short strings
    return column.astype(narrow).astype(str)


def _held_out(estimator: Any, X: Any, y: Array, sample_weight: Array | None) -> Data:
    """Draw numbers of rows: those to train on are not copied, which may be all of the memory."""
    binary = is_classifier(estimator) and estimator.n_outputs_ == 1
    train, held = train_test_split(
        np.arange(X.shape[0]),
        random_state=estimator._random_state,
        test_size=estimator.validation_fraction,
        stratify=_strata(y) if binary else None,
    )
    if isinstance(estimator.shuffle, str):
        train.sort()  # blocks are of neighbours
    if len(held) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' "
            "or the size of your dataset."
        )
    X_val = in_chosen_dtype(estimator, _taken(X, held))
    y_val = targets = device_arrays.on_host(_taken(y, held))  # metrics are scikit-learn's
    if is_classifier(estimator):
        y_val = decoded(estimator._label_binarizer, targets)
    weight = weight_val = None
    if sample_weight is not None:
        weight, weight_val = sample_weight.copy(), sample_weight[held]
        weight[held] = 0  # they decide nothing
    return Data(X, y, weight, ValidationRows(X_val, y_val, targets, weight_val), numbers=train)


def _taken(array: Any, rows: Array) -> Any:
    return device_arrays.take(array, rows) if device_arrays.on_gpu(array) else array[rows]


def checked(estimator: Any, X: Any, y: Any) -> ValidationRows:
    """Check the rows to validate with that `fit` was given, as it checks X, y and sample_weight.

    Once: what was checked takes the place of what was given.
    """
    if not isinstance(estimator._given, ValidationRows):
        estimator._given = _checked(estimator, estimator._given, X, y)
    rows: ValidationRows = estimator._given
    return rows


def _checked(estimator: Any, rows: _Given, X: Any, y: Any) -> ValidationRows:
    with _naming("X_val"):
        X_val = _examples(estimator, rows.X).astype(chosen_dtype(estimator, X.dtype), copy=False)
    if X_val.shape[0] < 2:
        raise ValueError(f"X_val must have at least 2 rows, got {X_val.shape[0]}")
    with _naming("y_val"):
        y_val = device_arrays.on_host(rows.y)
        y_val = check_array(y_val, accept_sparse="csr", ensure_2d=False, dtype=None)
        check_consistent_length(X_val, y_val)
        read = _labels if is_classifier(estimator) else _values
        y_val, targets = read(estimator, y_val)
    weight = device_arrays.on_host(rows.sample_weight)
    if weight is not None:
        with _naming("sample_weight_val"):
            weight = check_array(weight, ensure_2d=False, dtype=(np.float64, np.float32))
            weight = column_or_1d(weight)
            check_consistent_length(X_val, weight)
            if weight.sum() == 0:
                raise ValueError("the weights add up to 0: at least one must be above 0")
    weight = class_weight.of_validation(estimator, y, targets, weight)
    return ValidationRows(X_val, y_val, targets, weight)


@contextmanager
def _naming(argument: str) -> Iterator[None]:
    """Say which argument an error of scikit-learn's checks is about."""
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{argument}: {error}") from error


def _examples(estimator: Any, X_val: Any) -> Any:
    if device_arrays.on_gpu(X_val):
        return gpu_validation.checked(estimator, device_arrays.adopt(X_val))
    return checks.examples(estimator, X_val, dtype=checks.DTYPES)


def _labels(estimator: Any, y_val: Array) -> tuple[Array, Array]:
    binarizer = estimator._label_binarizer
    if binarizer.y_type_ != "multilabel-indicator":
        y_val, classes = column_or_1d(y_val, warn=True), estimator.classes_
        unseen = sorted(set(y_val.tolist()) - set(classes.tolist()), key=str)
        if unseen:
            raise ValueError(f"labels {unseen} are not among those of y, {classes.tolist()}")
        y_val = y_val.astype(classes.dtype)
    elif y_val.ndim != 2:
        raise ValueError(f"one column, and y has {estimator.n_outputs_}")
    targets: Array = binarizer.transform(y_val)
    _require_columns(estimator, targets)
    return y_val, targets


def _values(estimator: Any, y_val: Array) -> tuple[Array, Array]:
    values = check_array(y_val, ensure_2d=False, dtype="numeric")
    targets = outputs_of(estimator, values.reshape(len(values), -1))
    _require_columns(estimator, targets)
    return values, targets


def _require_columns(estimator: Any, targets: Array) -> None:
    if targets.shape[1] != estimator.n_outputs_:
        raise ValueError(f"{targets.shape[1]} columns, and y has {estimator.n_outputs_}")
