"""Where scikit-learn dispatches, arrays of another library are taken and given back."""

from collections.abc import Callable, Iterator
from typing import Any

import array_api_strict as strict
import numpy as np
import pytest
import sklearn

from .agreement import ENDS_BY_ITSELF, OURS, TASKS, WEIGHTS, Params, Task, assert_bitwise_equal

SMALL: Params = {**ENDS_BY_ITSELF, "hidden_layer_sizes": (5,), "batch_size": 20, "random_state": 0}


@pytest.fixture
def dispatching(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # scikit-learn wants to see it
    with sklearn.config_context(array_api_dispatch=True):
        yield


CASES: dict[str, Params] = {
    "multiclass": {},
    "binary": {},
    "multilabel": {},
    "regression": {"loss": "quantile"},
}


@pytest.mark.usefixtures("dispatching")
@pytest.mark.parametrize("name", CASES)
def test_arrays_go_in_and_come_back(name: str) -> None:
    task, weight = TASKS[name], WEIGHTS
    task = task._replace(X=task.X.astype(np.float32))
    for ours, expected in zip(
        _trained(task, CASES[name], strict.asarray),
        _trained(task, CASES[name], np.asarray),
        strict=True,
    ):
        assert_bitwise_equal(ours, expected)
    given = task.X, task.y, weight
    assert ours.score(*map(strict.asarray, given)) == expected.score(*given)
    for method in ("predict", "predict_proba", "predict_log_proba"):
        if hasattr(ours, method):
            found = getattr(ours, method)(strict.asarray(task.X))
            assert found.__array_namespace__() is strict
            np.testing.assert_array_equal(np.from_dlpack(found), getattr(expected, method)(task.X))


def _trained(task: Task, params: Params, made: Callable[[Any], Any]) -> Iterator[Any]:
    """Train by `partial_fit` and by `fit`, with rows to validate with."""
    X, y, weight = map(made, (task.X, task.y, WEIGHTS))
    cls = getattr(OURS, task.estimator)
    labels = np.unique(task.y) if task.y.ndim == 1 else np.arange(task.y.shape[1])
    classes = {"classes": made(labels)} if cls is OURS.MLPClassifier else {}
    yield cls(**SMALL, **params).partial_fit(X, y, weight, **classes)
    held = {"X_val": X[:20, ...], "y_val": y[:20, ...], "sample_weight_val": weight[:20]}
    yield cls(**SMALL, **params).fit(X, y, weight, **held)


def test_without_it_they_are_read_as_scikit_learn_reads_them() -> None:
    task = TASKS["multiclass"]
    model = OURS.MLPClassifier(**SMALL).fit(strict.asarray(task.X), strict.asarray(task.y))
    assert type(model.predict(strict.asarray(task.X))) is np.ndarray
