"""What scikit-learn's checks would pass is not checked; everything else they refuse and convert."""

import functools
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sklearn
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import gpubackprop as ours
from gpubackprop.fitting import labels
from gpubackprop.fitting.scikit_learn import checks, scores

from .agreement import Array

N = 24
ROWS = np.random.default_rng(0).standard_normal((N, 3))
LABELS = np.arange(N) % 3
VALUES = ROWS @ [1.0, -2.0, 0.5]
BASE: dict[str, Any] = {"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0}


def _with(value: float) -> Array:
    X = ROWS.copy()
    X[-1, -1] = value
    return X


def _read_only(array: Array) -> Array:
    array = array.copy()
    array.flags.writeable = False
    return array


EXAMPLES: dict[str, Any] = {
    "float64": ROWS,
    "float32": ROWS.astype(np.float32),
    "columns first": np.asfortranarray(ROWS),
    "strided": np.repeat(ROWS, 2, axis=1)[::-1, ::2],
    "read-only": _read_only(ROWS),
    "float16": ROWS.astype(np.float16),
    "integers": (10 * ROWS).astype(int),
    "booleans": ROWS > 0,
    "complex": ROWS + 1j,
    "objects": ROWS.astype(object),
    "texts": ROWS.astype(str),
    "of the other byte order": ROWS.astype(ROWS.dtype.newbyteorder()),
    "long": ROWS.astype(np.longdouble),
    "NaN": _with(np.nan),
    "infinite": _with(np.inf),
    "infinite both ways": np.where(ROWS[:, :1] < 0, -np.inf, _with(np.inf)),
    "a sum that overflows": np.full((N, 3), 1e308),
    "no rows": ROWS[:0],
    "no columns": ROWS[:, :0],
    "one dimension": ROWS[:, 0],
    "three dimensions": ROWS[:, :, None],
    "a column too few": ROWS[:, :2],
    "a row too few": ROWS[:-1],
    "a list": ROWS.tolist(),
    "a data frame": pd.DataFrame(ROWS, columns=list("abc")),
    "a data frame without names": pd.DataFrame(ROWS),
    "sparse": scipy.sparse.csr_matrix(ROWS),
    "a matrix": ROWS.view(np.matrix),
    "masked": np.ma.masked_array(ROWS, ROWS > 1),
    "a record of columns": np.zeros(N, dtype=[("a", float)]),
    "None": None,
}
TARGETS: dict[str, Any] = {
    "labels": LABELS,
    "of one byte": LABELS.astype(np.int8),
    "booleans": LABELS > 0,
    "words": np.array(["a", "b", "c"])[LABELS],
    "objects": np.array(["a", "b", "c"], dtype=object)[LABELS],
    "bytes": np.array([b"a", b"b", b"c"])[LABELS],
    "unknown": LABELS + 5,
    "one of them unknown": np.where(np.arange(N) == 5, 9, LABELS),
    "not all": LABELS % 2,
    "whole floats": LABELS.astype(float),
    "values": VALUES,
    "of float32": VALUES.astype(np.float32),
    "of float16": VALUES.astype(np.float16),
    "NaN": np.where(LABELS == 0, np.nan, VALUES),
    "infinite": np.where(LABELS == 0, np.inf, VALUES),
    "a sum that overflows": np.full(N, 1e308),
    "complex": VALUES + 1j,
    "a column": LABELS[:, None],
    "a column of values": VALUES[:, None],
    "several columns": ROWS[:, :2],
    "indicators": np.eye(3, dtype=int)[LABELS],
    "strided": np.repeat(LABELS, 2)[::2],
    "read-only": _read_only(LABELS),
    "of the other byte order": LABELS.astype(LABELS.dtype.newbyteorder()),
    "none": LABELS[:0],
    "a list": LABELS.tolist(),
    "a column of a data frame": pd.Series(LABELS),
    "sparse": scipy.sparse.csr_matrix(LABELS[:, None]),
    "masked": np.ma.masked_array(LABELS, LABELS == 1),
    "None": None,
}


def in_silence(call: Callable[[], Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call()


def outcome(call: Callable[[], Any]) -> tuple[Any, ...]:
    """What a call gives or raises, and the warnings."""
    found: Any
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = call()
        except Exception as error:
            found = type(error), str(error)
    return found, [(w.category, str(w.message)) for w in caught]


def left_behind(model: Any) -> bytes:
    """What a model is after a call, but for times, to the bit."""
    state = {name: value for name, value in vars(model).items() if name != "history_"}
    if "_random_state" in state:
        state["_random_state"] = state["_random_state"].get_state()
    return pickle.dumps([(name, state[name]) for name in sorted(state)])


def targets_of(estimator: str) -> Array:
    return LABELS if estimator == "MLPClassifier" else VALUES


def trained(package: Any, estimator: str, X: Any, y: Any, way: str) -> tuple[Any, ...]:
    """Outcome of one way to train, and the model after it."""
    model = getattr(package, estimator)(**BASE, warm_start=way == "warm_start")
    first = targets_of(estimator)
    known = {"classes": np.unique(LABELS)} if estimator == "MLPClassifier" else {}
    calls: dict[str, Callable[[], Any]] = {
        "fit": lambda: model.fit(X, y),
        "warm_start": lambda: model.fit(ROWS, first).fit(X, y),
        "partial_fit": lambda: model.partial_fit(X, y, **known),
        "again": lambda: model.partial_fit(ROWS, first, **known).partial_fit(X, y),
        "named before": lambda: model.partial_fit(
            EXAMPLES["a data frame"], first, **known
        ).partial_fit(X, y),
    }
    said, warned = outcome(calls[way])
    return (None if said is model else said), warned, left_behind(model)


def by_scikit_learns_checks(call: Callable[[], Any]) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "_are_plain", lambda X: False)
        patch.setattr(scores, "are_plain_targets", lambda y: False)
        return call()


WAYS = ["fit", "warm_start", "partial_fit", "again", "named before"]


@pytest.mark.parametrize("estimator", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("X", EXAMPLES.values(), ids=EXAMPLES)
def test_examples_are_trained_on_as_if_checked(package: Any, X: Any, estimator: str) -> None:
    y = targets_of(estimator)

    def call() -> Any:
        return [trained(package, estimator, X, y, way) for way in WAYS]

    assert call() == by_scikit_learns_checks(call)


@pytest.mark.parametrize("estimator", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("y", TARGETS.values(), ids=TARGETS)
def test_targets_are_trained_on_as_if_checked(package: Any, y: Any, estimator: str) -> None:
    def call() -> Any:
        return [trained(package, estimator, ROWS, y, way) for way in WAYS]

    assert call() == by_scikit_learns_checks(call)


def fitted(package: Any, estimator: str, X: Any = ROWS) -> Any:
    model = getattr(package, estimator)(**BASE)
    return in_silence(lambda: model.fit(X, targets_of(estimator)))


def assert_alike(call: Callable[[], Any]) -> None:
    mine, expected = outcome(call), by_scikit_learns_checks(lambda: outcome(call))
    np.testing.assert_equal(mine, expected)
    assert type(mine[0]) is type(expected[0])


@pytest.mark.parametrize("estimator", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("X", EXAMPLES.values(), ids=EXAMPLES)
def test_predictions_are_those_of_checked_examples(
    package: Any, X: Any, named: bool, estimator: str
) -> None:
    model = fitted(package, estimator, EXAMPLES["a data frame"] if named else ROWS)
    assert_alike(lambda: model.predict(X))


WORDS = np.array(["a", "b", "c"])


@pytest.mark.parametrize("classes", [np.arange(3), WORDS, np.arange(3.0), np.array([False, True])])
@pytest.mark.parametrize("weight", [None, np.arange(1.0, N + 1)])
@pytest.mark.parametrize("y", TARGETS.values(), ids=TARGETS)
def test_accuracies_are_those_of_checked_labels(y: Any, weight: Any, classes: Array) -> None:
    known = classes[LABELS % len(classes)]
    model = in_silence(lambda: ours.MLPClassifier(**BASE).fit(ROWS, known))
    assert_alike(lambda: model.score(ROWS, y, weight))


@pytest.mark.parametrize("weight", [None, np.arange(1.0, N + 1)])
@pytest.mark.parametrize("y", TARGETS.values(), ids=TARGETS)
def test_r2_is_that_of_checked_values(y: Any, weight: Any) -> None:
    model = fitted(ours, "MLPRegressor")
    assert_alike(lambda: model.score(ROWS, y, weight))
    assert_alike(lambda: model.score(ROWS[:1], y, weight))


@pytest.mark.parametrize("finite", [False, True])
@pytest.mark.parametrize("estimator", ["MLPClassifier", "MLPRegressor"])
def test_numbers_may_be_assumed_to_be_finite(package: Any, estimator: str, finite: bool) -> None:
    model = fitted(package, estimator)
    with sklearn.config_context(assume_finite=finite):
        assert_alike(lambda: model.predict(EXAMPLES["NaN"]))
        refused = outcome(lambda: model.predict(EXAMPLES["NaN"]))[0]
    assert (isinstance(refused, tuple) and refused[0] is ValueError) is not finite


@pytest.mark.parametrize("estimator", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("X", ["float64", "infinite both ways", "a sum that overflows"])
def test_floating_point_errors_are_raised_as_by_the_checks(X: str, estimator: str) -> None:
    model = fitted(ours, estimator)
    with np.errstate(all="raise", under="ignore"):
        assert_alike(lambda: model.predict(EXAMPLES[X]))


@pytest.mark.parametrize("estimator", ["MLPClassifier", "MLPRegressor"])
def test_metadata_are_routed(estimator: str) -> None:
    y = targets_of(estimator)

    def call() -> Any:
        model = getattr(ours, estimator)(**BASE).set_fit_request(sample_weight=True)
        pipeline = make_pipeline(StandardScaler(), model)
        pipeline.fit(ROWS, y, sample_weight=np.arange(1.0, N + 1))
        return pipeline.predict(ROWS), pipeline.score(ROWS, y), pipeline[-1].loss_

    with sklearn.config_context(enable_metadata_routing=True):
        assert_alike(call)


@pytest.mark.parametrize("estimator", ["MLPClassifier", "MLPRegressor"])
def test_the_plain_is_not_checked(
    package: Any, estimator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any, **named: Any) -> Any:
        raise AssertionError("scikit-learn checks")

    for module in (labels, checks):
        monkeypatch.setattr(module, "validate_data", refuse)
    y = targets_of(estimator)
    model = fitted(package, estimator)
    assert model.n_features_in_ == 3
    assert in_silence(lambda: model.fit(ROWS[:, :2], y)).n_features_in_ == 2
    in_silence(lambda: model.fit(ROWS, y))
    assert model.partial_fit(ROWS, y).predict(ROWS).shape == y.shape
    if package is ours:
        monkeypatch.setattr("sklearn.metrics._classification._check_targets", refuse)
        monkeypatch.setattr("sklearn.metrics._regression._check_reg_targets", refuse)
        assert model.score(ROWS, y) <= 1


def test_names_of_columns_are_forgotten() -> None:
    model = fitted(ours, "MLPRegressor", EXAMPLES["a data frame"])
    assert not hasattr(in_silence(lambda: model.fit(ROWS, VALUES)), "feature_names_in_")


@pytest.mark.parametrize("predicted", [LABELS[:0], WORDS[LABELS], LABELS[:-1], ROWS])
@pytest.mark.parametrize("y", [LABELS, LABELS[:0], WORDS[LABELS]])
@pytest.mark.parametrize("cls", [ours.MLPClassifier, ours.MLPRegressor])
def test_what_a_subclass_predicts_is_scored_as_if_checked(cls: Any, y: Any, predicted: Any) -> None:
    class Own(cls):
        def predict(self, X: Any) -> Any:
            return predicted

    assert_alike(lambda: Own().score(ROWS, y))


class Scored(ClassifierMixin):  # type: ignore[misc]
    """Stands before scikit-learn's own mixin in the order of inheritance."""

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        return 7.0


@pytest.mark.parametrize("scale", [1e200, 1e-200])
def test_a_score_that_leaves_the_range_of_numbers_warns_from_scikit_learns_file(
    scale: float,
) -> None:
    """Once, where filters look for it."""
    model = fitted(ours, "MLPRegressor")
    told = []
    for score in (model.score, functools.partial(RegressorMixin.score, model)):
        with warnings.catch_warnings(record=True) as caught, np.errstate(all="warn"):
            warnings.simplefilter("always")
            score(ROWS, scale * VALUES)
        told.append([(str(each.message), each.filename) for each in caught])
    assert told[0] == told[1] != []


def test_a_score_of_the_users_own_is_called() -> None:
    class Own(ours.MLPClassifier, Scored):
        pass

    assert in_silence(lambda: Own(**BASE).fit(ROWS, LABELS)).score(ROWS, LABELS) == 7.0


def test_a_metric_of_the_users_own_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fitted(ours, "MLPClassifier")
    monkeypatch.setattr("sklearn.metrics.accuracy_score", lambda y, y_hat, sample_weight: 5.0)
    assert model.score(ROWS, LABELS) == 5.0
