"""Rows to validate with: held out or given, scored by any metric, with a loss curve."""

import pickle
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn import config_context
from sklearn.metrics import (
    accuracy_score,
    get_scorer,
    log_loss,
    mean_poisson_deviance,
    mean_squared_error,
)
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from gpubackprop import LossCurveDisplay, MLPClassifier, MLPRegressor
from gpubackprop.fitting.scikit_learn.contract import mlp

from .agreement import (
    TASKS,
    TOLERANCES,
    WEIGHTS,
    Array,
    Params,
    assert_bitwise_equal,
    assert_same_history,
    assert_same_parameters,
    ours_for,
    said,
    twins,
)

BASE: Params = {"hidden_layer_sizes": (6,), "batch_size": 16, "random_state": 0, "max_iter": 6}
TRAIN, VAL = slice(0, 40), slice(40, None)

every_task = pytest.mark.parametrize("task", TASKS)


def _rows(task: str, part: slice) -> tuple[Any, Any]:
    return TASKS[task].X[part], TASKS[task].y[part]


def _fit(model: Any, task: str, *, X_val: Any = None, **named: Any) -> Any:
    """Train on one part and validate with the other."""
    own, y_val = _rows(task, VAL)
    named = {"X_val": own if X_val is None else X_val, "y_val": y_val, **named}
    said(lambda: model.fit(*_rows(task, TRAIN), **named))
    return model


class Watcher:
    """Remembers what a scorer says of the weights of each epoch."""

    def __init__(self, score: Any) -> None:
        self.score = score
        self.seen: list[float] = []

    def __call__(self, estimator: Any, record: Any) -> None:
        self.seen.append(self.score(estimator))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("task", [t for t in TASKS if t != "strings"])  # which 1.8 cannot stop on
def test_given_rows_take_the_place_of_the_split(
    task: str, weighted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = twins(TASKS[task], **BASE, early_stopping=True, learning_rate_init=0.1)
    X, y = TASKS[task].X, TASKS[task].y
    weights = (WEIGHTS[TRAIN], WEIGHTS[VAL]) if weighted else (None, None)

    def split(*arrays: Any, **named: Any) -> list[Any]:
        return [array[part] for array in arrays for part in (TRAIN, VAL)]

    with monkeypatch.context() as patch:  # scikit-learn's code, dividing as we are told to
        patch.setattr(mlp, "train_test_split", split)
        said(theirs.fit, X, y, WEIGHTS if weighted else None)
    named = {"sample_weight": weights[0], "sample_weight_val": weights[1]}
    _fit(ours, task, **named)
    assert_same_history(ours, theirs, TOLERANCES["float64"])
    assert_same_parameters(ours, theirs, TOLERANCES["float64"])


def _expected_loss(model: Any, X: Any, y: Any, weight: Any) -> float:
    if isinstance(model, MLPClassifier):
        p = np.clip(model.predict_proba(X), 1e-15, 1)
        if y.ndim == 2:
            each = [log_loss(y[:, k], p[:, k], sample_weight=weight) for k in range(y.shape[1])]
            return float(np.sum(each))
        if len(model.classes_) == 1:
            return float(-np.average(np.log1p(-p[:, 1]), weights=weight))
        return float(log_loss(y, p, sample_weight=weight, labels=model.classes_))
    metric = mean_poisson_deviance if model.loss == "poisson" else mean_squared_error
    return float(metric(y, model.predict(X), sample_weight=weight)) / 2


@pytest.mark.parametrize("weight", [None, WEIGHTS[VAL]], ids=["plain", "weighted"])
@every_task
def test_curves_alone_change_nothing(task: str, weight: Any) -> None:
    X_val, y_val = _rows(task, VAL)
    watcher = Watcher(lambda model: _expected_loss(model, X_val, y_val, weight))
    model = ours_for(TASKS[task], **BASE, callbacks=watcher)
    _fit(model, task, sample_weight_val=weight)
    np.testing.assert_allclose(model.validation_loss_curve_, watcher.seen, rtol=1e-12)
    assert model.validation_scores_[-1] == pytest.approx(model.score(X_val, y_val, weight))
    assert model.best_epoch_ == 1 + np.argmax(model.validation_scores_)
    plain = ours_for(TASKS[task], **BASE)
    said(plain.fit, *_rows(task, TRAIN))
    assert_bitwise_equal(model, plain)
    assert plain.validation_loss_curve_ is None


def test_rows_of_several_blocks_and_of_a_second_fit() -> None:
    X, y = np.tile(TASKS["multiclass"].X, (20, 1)), np.tile(TASKS["multiclass"].y, 20)
    params = {**BASE, "hidden_layer_sizes": (512,), "max_iter": 2, "warm_start": True}
    watcher = Watcher(lambda model: _expected_loss(model, X_val, y_val, None))
    model = ours_for(TASKS["multiclass"], **params, callbacks=watcher)
    for X_val, y_val in ((X, y), (X[::-1] + 1, y)):
        said(lambda: model.fit(X[:40], y[:40], X_val=X_val, y_val=y_val))  # noqa: B023
    np.testing.assert_allclose(model.validation_loss_curve_[-2:], watcher.seen[-2:], rtol=1e-12)


@pytest.mark.parametrize("task", ["binary", "multioutput"])
def test_rows_that_are_held_out_have_a_curve_too(task: str) -> None:
    model = ours_for(TASKS[task], **BASE, early_stopping=True)
    said(model.fit, TASKS[task].X, TASKS[task].y)
    assert len(model.validation_loss_curve_) == len(model.validation_scores_) == 6
    assert model.history_.validation_losses() == model.validation_loss_curve_
    lines = LossCurveDisplay.from_estimator(model).lines_
    np.testing.assert_array_equal(lines[1].get_ydata(), model.validation_loss_curve_)


def _mean_of_outputs(estimator: Any, X: Any, y: Any) -> float:
    return -float(np.abs(estimator.predict(X) - y).mean())


SCORINGS = [
    ("binary", "roc_auc"),
    ("strings", "neg_log_loss"),
    ("multilabel", "f1_micro"),
    ("regression", "neg_mean_absolute_error"),
    ("regression", _mean_of_outputs),
    ("multioutput", "r2"),
    ("multiclass", "loss"),
]


@pytest.mark.parametrize("way", ["compiled", "reference", "csr"])
@pytest.mark.parametrize(("task", "scoring"), SCORINGS)
def test_early_stopping_watches_any_metric(task: str, scoring: Any, way: str) -> None:
    X_val, y_val = _rows(task, VAL)
    weights: list[Array] = []

    def score(model: Any) -> float:
        weights.append(model.coefs_[0].copy())
        if scoring == "loss":
            return -_expected_loss(model, X_val, y_val, None)
        return float((scoring if callable(scoring) else get_scorer(scoring))(model, X_val, y_val))

    watcher = Watcher(score)
    params = {**BASE, "early_stopping": True, "learning_rate_init": 0.3, "scoring": scoring}
    backend = "auto" if way == "csr" else way
    model = ours_for(TASKS[task], **params, backend=backend, callbacks=watcher)
    _fit(model, task, X_val=scipy.sparse.csr_array(X_val) if way == "csr" else None)
    np.testing.assert_allclose(model.validation_scores_, watcher.seen, rtol=1e-12)
    best = int(np.argmax(watcher.seen))
    assert model.best_epoch_ == best + 1
    assert model.best_validation_score_ == pytest.approx(max(watcher.seen))
    np.testing.assert_array_equal(model.coefs_[0], weights[best])


def test_weights_of_the_rows_reach_the_scorer() -> None:
    X, y = _rows("multiclass", TRAIN)
    X_val, y_val = _rows("multiclass", VAL)
    X_val, y_val = X_val[y_val > -1], y_val[y_val > -1]  # a class of those trained on is missing
    model = ours_for(TASKS["multiclass"], **BASE, scoring="accuracy", class_weight="balanced")
    weight = WEIGHTS[: len(y_val)]
    said(lambda: model.fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight))
    of_classes = dict(zip(y, compute_sample_weight("balanced", y), strict=True))
    weight = weight * [of_classes[label] for label in y_val]
    expected = accuracy_score(y_val, model.predict(X_val), sample_weight=weight)
    assert model.validation_scores_[-1] == pytest.approx(expected)
    assert expected != pytest.approx(accuracy_score(y_val, model.predict(X_val)))


def test_columns_with_names_give_no_warning() -> None:
    X, y = (pd.DataFrame(TASKS["binary"].X, columns=list("abcde")), TASKS["binary"].y)
    model = ours_for(TASKS["binary"], **BASE, early_stopping=True, scoring="roc_auc", tol=9)
    model.set_params(n_iter_no_change=1, max_iter=9)
    assert said(lambda: model.fit(X, y, X_val=X[::2], y_val=y[::2])) == []
    assert model.feature_names_in_.tolist() == list("abcde")
    with pytest.raises(ValueError, match="X_val: The feature names should match"):
        model.fit(X, y, X_val=X[list("edcba")], y_val=y)


def test_single_precision_stays_single() -> None:
    X, y = TASKS["regression"].X.astype(np.float32), TASKS["regression"].y
    model = MLPRegressor(**BASE, early_stopping=True, scoring="loss")
    said(lambda: model.fit(X, y, X_val=TASKS["regression"].X, y_val=y))
    assert model.coefs_[0].dtype == np.float32
    expected = -mean_squared_error(y, model.predict(X)) / 2
    assert model.best_validation_score_ == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("scoring", [None, "loss", "neg_mean_absolute_error"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_score_of_what_has_diverged_is_no_number(scoring: Any) -> None:
    params = {"solver": "sgd", "learning_rate_init": 1e200, "momentum": 0}
    model = MLPRegressor(**{**BASE, **params}, early_stopping=True, scoring=scoring)
    _fit(model, "regression")
    assert np.isnan(model.validation_scores_).all()
    assert model.best_epoch_ is None


X, y = TASKS["regression"].X, TASKS["regression"].y
WRONG: list[tuple[Params, str]] = [
    ({"y_val": y}, "y_val is provided, but X_val was not provided."),
    ({"X_val": X}, "X_val is provided, but y_val was not provided."),
    ({"sample_weight_val": WEIGHTS}, "sample_weight_val is provided, but X_val was not provided."),
    ({"X_val": X[:, :3], "y_val": y}, "X_val: X has 3 features, but MLPRegressor is expecting 5"),
    ({"X_val": X * np.nan, "y_val": y}, "X_val: Input X contains NaN"),
    ({"X_val": X[0], "y_val": y}, "X_val: Expected 2D array"),
    ({"X_val": X[:1], "y_val": y[:1]}, "X_val must have at least 2 rows, got 1"),
    ({"X_val": X, "y_val": y[:9]}, "y_val: Found input variables with inconsistent numbers"),
    ({"X_val": X, "y_val": np.c_[y, y]}, "y_val: 2 columns, and y has 1"),
    ({"X_val": X, "y_val": np.append(y[1:], np.inf)}, "y_val: Input contains infinity"),
    ({"X_val": X, "y_val": y, "sample_weight_val": [1, 2]}, "sample_weight_val: Found input"),
    ({"X_val": X, "y_val": y, "sample_weight_val": 0 * y}, "sample_weight_val: .* add up to 0"),
]


def _worst(estimator: Any, X: Any, y: Any) -> float:
    return float(-np.abs(y - estimator.predict(X)).max())


@pytest.mark.parametrize("scoring", ["neg_max_error", _worst])
def test_weights_of_the_rows_do_not_reach_what_takes_none(scoring: Any) -> None:
    model = MLPRegressor(**BASE, scoring=scoring)
    said(lambda: model.fit(X, y, X_val=X, y_val=y, sample_weight_val=WEIGHTS[: len(y)]))
    assert model.validation_scores_[-1] == pytest.approx(_worst(model, X, y))


@pytest.mark.parametrize("answer", [None, "high", {"score": 1.0}])
def test_a_scorer_returns_a_number(answer: Any) -> None:
    model = MLPRegressor(**BASE, early_stopping=True, scoring=lambda *_: answer)
    with pytest.raises(ValueError, match=r"scoring=.* must return a number, got "):
        model.fit(X, y)


def test_targets_to_validate_with_are_of_the_loss() -> None:
    with pytest.raises(ValueError, match="y_val: loss='gamma' requires strictly positive y"):
        MLPRegressor(**BASE, loss="gamma").fit(X, np.exp(y), X_val=X, y_val=-np.exp(y))


@pytest.mark.parametrize(("wrong", "message"), WRONG)
def test_wrong_rows_are_named(wrong: Params, message: str) -> None:
    model = MLPRegressor(**BASE)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, **wrong)
    assert not [name for name in vars(model) if name.startswith("_given")]


@pytest.mark.parametrize(
    ("task", "y_val", "message"),
    [
        ("multiclass", [5, 3] * 10 + [7], r"y_val: labels \[5, 7\] are not among those of y, \[-1"),
        ("strings", range(21), r"y_val: labels \[0, 1, .* are not among those of y, \['ant'"),
        ("multilabel", [0, 1, 2] * 7, "y_val: one column, and y has 4"),
        ("multilabel", np.ones((21, 3), int), "y_val: "),
    ],
)
def test_wrong_labels_are_named(task: str, y_val: Any, message: str) -> None:
    model = ours_for(TASKS[task], **BASE)
    with pytest.raises(ValueError, match=message):
        model.fit(*_rows(task, TRAIN), X_val=_rows(task, VAL)[0], y_val=y_val)


def test_scoring_without_rows_is_refused() -> None:
    model = MLPRegressor(**BASE, scoring="r2")
    with pytest.raises(ValueError, match="and there are none: set early_stopping=True"):
        model.fit(X, y)
    with pytest.raises(ValueError, match="which partial_fit has none of: use fit, or set"):
        model.partial_fit(X, y)


def test_wrong_scoring_is_refused() -> None:
    with pytest.raises(ValueError, match="scoring must be 'loss' or a scorer's name: 'accurate'"):
        MLPRegressor(scoring="accurate", early_stopping=True).fit(X, y)
    with pytest.raises(ValueError, match="The 'scoring' parameter of MLPRegressor must be"):
        MLPRegressor(scoring=3, early_stopping=True).fit(X, y)


def test_lbfgs_refuses_what_it_cannot_watch() -> None:
    with pytest.raises(ValueError, match="X_val is for training by epochs"):
        MLPRegressor(solver="lbfgs").fit(X, y, X_val=X, y_val=y)
    with pytest.raises(ValueError, match="scoring='r2' is for training by epochs"):
        MLPRegressor(solver="lbfgs", scoring="r2").fit(X, y)


def test_routed_through_a_pipeline_that_transforms_the_rows_too() -> None:
    X, y = _rows("regression", TRAIN)
    X_val, y_val = _rows("regression", VAL)
    scaler = StandardScaler().fit(100 * X)
    expected = MLPRegressor(**BASE, early_stopping=True)
    scaled = scaler.transform(100 * X_val)
    said(lambda: expected.fit(scaler.transform(100 * X), y, X_val=scaled, y_val=y_val))
    with config_context(enable_metadata_routing=True):
        model = MLPRegressor(**BASE, early_stopping=True).set_fit_request(X_val=True, y_val=True)
        pipeline = Pipeline([("scale", StandardScaler()), ("m", model)], transform_input=["X_val"])
        said(lambda: pipeline.fit(100 * X, y, X_val=100 * X_val, y_val=y_val))
    assert model.validation_scores_ == expected.validation_scores_


def test_searched_over() -> None:
    grid = {"scoring": ["loss", "accuracy"], "alpha": [1e-4]}
    search = GridSearchCV(MLPClassifier(**BASE, early_stopping=True), grid, cv=2)
    said(search.fit, *_rows("binary", slice(None)))
    assert search.best_estimator_.scoring in grid["scoring"]


class Doubled(MLPRegressor):
    """A user's class with a pass of its own, in place."""

    def _forward_pass_fast(self, X: Any, check_input: bool = True) -> Any:
        y_hat = super()._forward_pass_fast(X, check_input)
        y_hat *= 2
        return y_hat


def test_a_users_own_pass_is_scored() -> None:
    watcher = Watcher(lambda model: mean_squared_error(y, model.predict(X)) / 2)
    model = Doubled(**BASE, callbacks=watcher)
    said(lambda: model.fit(X, y, X_val=X, y_val=y))
    np.testing.assert_allclose(model.validation_loss_curve_, watcher.seen, rtol=1e-12)
    assert model.validation_scores_[-1] == pytest.approx(model.score(X, y))


def test_a_callback_that_changes_weights_predicts_with_them() -> None:
    predicted: list[Array] = []

    def silence(estimator: Any, record: Any) -> None:
        for _ in range(2):
            predicted.append(estimator.predict(X))
            for array in estimator.coefs_ + estimator.intercepts_:
                array[...] = 0

    said(lambda: MLPRegressor(**BASE, callbacks=silence).fit(X, y, X_val=X, y_val=y))
    assert predicted[0].any()
    assert not predicted[1].any()


def test_a_copy_made_meanwhile_has_no_rows() -> None:
    copies: list[Any] = []
    model = ours_for(TASKS["regression"], **BASE)
    model.set_params(callbacks=lambda estimator, _: copies.append(pickle.dumps(estimator)))
    said(lambda: model.fit(X, y, X_val=X, y_val=y))
    state = vars(pickle.loads(copies[0]))
    assert not {"_given", "_validation"} & (set(state) | set(vars(model)))
    assert re.fullmatch(r"\[EpochRecord\(epoch=1.*\)\]", repr(state["history_"]))
