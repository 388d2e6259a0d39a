"""Class weights are scikit-learn's sample weights, by the label of each example."""

import re
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.utils.class_weight import compute_sample_weight

from gpubackprop import MLPRegressor

from .agreement import (
    TASKS,
    WEIGHTS,
    Params,
    Tolerance,
    assert_same_history,
    assert_same_parameters,
    ours_for,
    said,
    twins,
)

BASE: Params = {"hidden_layer_sizes": (6,), "batch_size": 16, "random_state": 0, "max_iter": 3}
CLOSE = Tolerance(1e-12, 1e-12)
LABELLED = {"ant": 3.0, "bee": 0.5, "cat": 1}
OF_COLUMNS = [{0: 1, 1: 3}, {0: 2, 1: 1}, {0: 1, 1: 1}, {1: 5}]

CASES = [
    ("binary", "balanced", {}),
    ("binary", {0: 4.0}, {"early_stopping": True}),
    ("strings", LABELLED, {"solver": "lbfgs", "max_iter": 8}),
    ("multiclass", {-1: 0.25, 3: 2}, {"solver": "sgd", "early_stopping": True}),
    ("multilabel", OF_COLUMNS, {"early_stopping": True}),
    ("multilabel", "balanced", {"backend": "reference"}),
    ("one_class", "balanced", {}),
]


@pytest.mark.parametrize("sample_weight", [None, WEIGHTS], ids=["alone", "times_sample_weight"])
@pytest.mark.parametrize("storage", [np.asarray, scipy.sparse.csr_array], ids=["dense", "csr"])
@pytest.mark.parametrize(("task", "weights", "params"), CASES)
def test_like_scikit_learn_with_those_sample_weights(
    task: str, weights: Any, params: Params, storage: Any, sample_weight: Any
) -> None:
    X, y = storage(TASKS[task].X), TASKS[task].y
    ours, theirs = twins(TASKS[task], **{**BASE, **params})
    of_rows = compute_sample_weight(weights, y)
    expected = of_rows if sample_weight is None else of_rows * sample_weight
    ours.set_params(class_weight=weights)
    assert said(ours.fit, X, y, sample_weight) == said(theirs.fit, X, y, expected)
    assert_same_parameters(ours, theirs, CLOSE)
    if theirs.solver != "lbfgs":
        assert_same_history(ours, theirs, CLOSE)


def test_a_stream_whose_batches_lack_classes() -> None:
    task = TASKS["strings"]
    ours, theirs = twins(task, **BASE)
    ours.set_params(class_weight=LABELLED)
    for present in (["ant", "cat"], ["bee"], ["ant", "bee", "cat"]):
        rows = np.isin(task.y, present)
        of_rows = np.array([LABELLED[str(label)] for label in task.y[rows]])
        ours.partial_fit(task.X[rows], task.y[rows], classes=sorted(LABELLED))
        theirs.partial_fit(task.X[rows], task.y[rows], of_rows, classes=sorted(LABELLED))
    assert_same_parameters(ours, theirs, CLOSE)


def test_a_stream_refuses_balanced_as_scikit_learns_sgd_does() -> None:
    X, y, messages = TASKS["binary"].X, TASKS["binary"].y, []
    for model in (ours_for(TASKS["binary"]), SGDClassifier()):
        with pytest.raises(ValueError, match="class_weight") as refusal:
            model.set_params(class_weight="balanced").partial_fit(X, y, classes=[0, 1])
        messages.append(str(refusal.value))
    assert messages[0] == messages[1]


@pytest.mark.parametrize(
    ("task", "wrong", "message"),
    [
        ("binary", "equal", "'class_weight' parameter of MLPClassifier must be .* Got 'equal'"),
        ("binary", [{0: 1, 1: 1}], "class_weight is a list .* labels of several columns"),
        ("binary", {0: -1, 1: 1}, "class_weight must give finite weights .* got {0: -1, 1: 1}"),
        ("binary", {0: 1, 1: np.inf}, "class_weight must give finite weights"),
        ("binary", {2: 1}, "The classes, .*0, 1.*, are not in class_weight"),
        ("multilabel", {0: 1, 1: 2}, "For multi-output, class_weight should be a list of dicts"),
        ("multilabel", OF_COLUMNS[:2], "number of elements in class_weight should match"),
    ],
)
def test_wrong_weights(task: str, wrong: Any, message: str) -> None:
    model = ours_for(TASKS[task], class_weight=wrong)
    with pytest.raises(ValueError, match=message):
        model.fit(TASKS[task].X, TASKS[task].y)


def test_a_regressor_has_none() -> None:
    with pytest.raises(TypeError, match="class_weight"):
        MLPRegressor(class_weight="balanced")  # type: ignore[call-arg]


def test_searched_cloned_and_set() -> None:
    task = TASKS["binary"]
    model = ours_for(task, **BASE, class_weight={0: 2, 1: 1})
    assert clone(model).class_weight == {0: 2, 1: 1}
    grid = {"class_weight": [None, "balanced", {0: 9, 1: 1}]}
    search = GridSearchCV(model, grid, cv=2)
    said(search.fit, task.X, task.y)
    said(model.set_params(class_weight=search.best_params_["class_weight"]).fit, task.X, task.y)
    np.testing.assert_array_equal(search.predict(task.X), model.predict(task.X))


def test_scikit_learns_class_is_told_to_have_none() -> None:
    model = ours_for(TASKS["binary"], class_weight="balanced", device="cpu")
    with pytest.warns(UserWarning, match=re.escape("has no class_weight='balanced'")):
        model.to_sklearn()
