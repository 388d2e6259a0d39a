"""Many rows are predicted a block at a time, few by scikit-learn: with the same result."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

from gpubackprop import MLPRegressor
from gpubackprop.backends import compiled, threads
from gpubackprop.fitting import prediction

from .agreement import (
    OWN_PARAMETERS,
    TASKS,
    THEIRS,
    TOLERANCES,
    Array,
    assert_near,
    ours_for,
    twins,
)
from .test_inputs import BASE, LAYOUTS

ROWS = [1, 1024, 1025, 2049, 20_000]
"""On both sides of a full block of two threads, blocks that are not full, more than one span."""


@pytest.fixture(autouse=True)
def small_work_is_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows past a block are divided, among threads too, as they are where there is much to do."""
    monkeypatch.setattr(prediction, "FEW_BYTES", 0)
    monkeypatch.setattr(prediction, "CACHED_BYTES", 0)
    monkeypatch.setattr(compiled, "MIN_THREAD_MACS", 1)
    monkeypatch.setattr(compiled, "MIN_CALL_MACS", 1)
    monkeypatch.setattr(threads, "available", lambda: 2)


def _examples(rows: int) -> Array:
    return np.random.RandomState(rows).randn(rows, 5)


def _fitted(task: str, **params: Any) -> Any:
    chosen = TASKS[task]
    return ours_for(chosen, **{**BASE, **params}).fit(chosen.X, chosen.y)


def _as_scikit_learns(model: Any) -> Any:
    """The same fitted model, an object of scikit-learn's class."""
    state = {k: v for k, v in vars(model).items() if k not in OWN_PARAMETERS}
    twin = getattr(THEIRS, type(model).__name__)()
    vars(twin).update(state)
    return twin


def _raw(model: Any, X: Any) -> Array:
    outputs: Array = (model.predict_proba if hasattr(model, "classes_") else model.predict)(X)
    return outputs


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("activation", ["logistic", "relu"])
def test_rows(activation: str, task: str, rows: int) -> None:
    model, X = _fitted(task, activation=activation), _examples(rows)
    expected = _as_scikit_learns(model)
    assert_near(_raw(model, X), _raw(expected, X), 1e-13)
    if hasattr(model, "classes_"):
        np.testing.assert_array_equal(model.predict(X), expected.predict(X))


@pytest.mark.parametrize("weights", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1000, 3000])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int64", "bool"])
def test_dtype(dtype: str, rows: int, weights: str) -> None:
    task = TASKS["multioutput"]
    model = ours_for(task, **BASE).fit(task.X.astype(weights), task.y)
    X = (3 * _examples(rows)).astype(dtype)
    expected = _as_scikit_learns(model).predict(X)
    predicted = model.predict(X)
    assert predicted.dtype == expected.dtype
    assert_near(predicted, expected, 1e-5 if expected.dtype == np.float32 else 1e-13)


def test_types_without_a_blas() -> None:
    model, X = _fitted("regression"), _examples(3000).astype(np.longdouble)
    assert_near(model.predict(X), _as_scikit_learns(model).predict(X), 1e-13)
    model.coefs_ = [w.astype(np.float16) for w in model.coefs_]
    model.intercepts_ = [b.astype(np.float16) for b in model.intercepts_]
    X = X.astype(np.float16)
    predicted, expected = model.predict(X), _as_scikit_learns(model).predict(X)
    assert predicted.dtype == expected.dtype == np.float16
    assert_near(predicted, expected, 1e-2)


@pytest.mark.parametrize("layout", sorted(set(LAYOUTS) - {"list"}))
@pytest.mark.parametrize("rows", [100, 3000])
def test_layout(rows: int, layout: str) -> None:
    model, X = _fitted("multioutput"), _examples(rows)
    np.testing.assert_allclose(
        model.predict(LAYOUTS[layout](X)), model.predict(X), rtol=1e-13, atol=1e-13
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.filterwarnings("ignore:divide by zero encountered in log")
def test_saturated_probabilities(dtype: str) -> None:
    # A nearly certain model: log-probabilities of some -100, the least of them -inf.
    chosen = TASKS["multiclass"]
    model = ours_for(chosen, **BASE).fit(chosen.X.astype(dtype), chosen.y)
    model.coefs_[-1] *= 300 if dtype == "float32" else 3000
    X = _examples(3000).astype(dtype)
    expected = _as_scikit_learns(model).predict_log_proba(X)
    np.testing.assert_allclose(model.predict_log_proba(X), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_large_held_out_part_is_scored(task: str) -> None:
    X = _examples(4200)
    y = X[:, 0] > 0 if task == "binary" else X[:, 0]
    params = {**BASE, "early_stopping": True, "validation_fraction": 0.5, "max_iter": 3}
    ours, theirs = twins(TASKS[task], **params)
    for model in (ours, theirs):
        with pytest.warns(match="Maximum iterations"):
            model.fit(X, y)
    np.testing.assert_allclose(
        ours.validation_scores_, theirs.validation_scores_, rtol=TOLERANCES["float64"].loss
    )


@pytest.mark.parametrize("hidden", [(), (7,), (7, 6, 5)])
def test_weights_of_several_types(hidden: tuple[int, ...]) -> None:
    model = ours_for(TASKS["multioutput"], **{**BASE, "hidden_layer_sizes": hidden})
    model.fit(TASKS["multioutput"].X, TASKS["multioutput"].y)
    model.coefs_ = [W.astype(dtype) for W, dtype in zip(model.coefs_, "ffdd", strict=False)]
    X = _examples(3000).astype(np.float32)
    predicted, expected = model.predict(X), _as_scikit_learns(model).predict(X)
    assert predicted.dtype == expected.dtype
    assert_near(predicted, expected, 1e-6)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize(("threads", "most"), [(1, 2621), (2, 15728)])  # times 50 x 8 bytes
def test_few_rows_are_scikit_learns_and_many_are_not(
    threads: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prediction, "FEW_BYTES", 1 << 20)
    monkeypatch.setattr(prediction.threads, "available", lambda: threads)
    model = MLPRegressor(hidden_layer_sizes=(4, 50), max_iter=1).fit(_examples(20), np.ones(20))
    ours: list[int] = []

    def predict(estimator: Any, X: Array) -> Array:
        ours.append(len(X))
        return np.zeros((len(X), 1))

    monkeypatch.setattr(prediction, "predict", predict)
    for rows in (1, 1024, most, most + 1):
        model.predict(_examples(rows))
    assert ours == [most + 1]


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_no_array_of_all_rows_but_the_outputs() -> None:
    # scikit-learn's pass holds two hidden layers of all rows: 80 MB here.
    model = MLPRegressor(hidden_layer_sizes=(50, 50), max_iter=1).fit(_examples(20), np.ones(20))
    X = _examples(100_000)
    tracemalloc.start()
    model._forward_pass_fast(X, check_input=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6
