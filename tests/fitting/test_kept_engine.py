"""A fit that finds the engine of an earlier one ends with the same bits as one that does not."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from gpubackprop import MLPClassifier, MLPRegressor
from gpubackprop.fitting.engines import kept

from .agreement import Array

RNG = np.random.RandomState(0)
X, VALUES = RNG.randn(60, 5), RNG.randn(60, 2)
LABELS = RNG.randint(0, 3, 60)


def _stream(model: Any, start: int = 0) -> None:
    rows = slice(start, start + 30)
    if isinstance(model, MLPClassifier):
        model.partial_fit(X[rows], LABELS[rows], classes=[0, 1, 2])
    else:
        model.partial_fit(X[rows], VALUES[rows])


def _state(model: Any) -> list[Array]:
    optimizer = model._optimizer
    moments = optimizer.velocities if model.solver == "sgd" else optimizer.ms + optimizer.vs
    return [*model.coefs_, *model.intercepts_, *moments, np.array(model.loss_curve_)]


def _double(model: Any) -> None:
    model.coefs_[0][...] *= 2


def _replace(model: Any) -> None:
    model.coefs_ = [np.asfortranarray(W + 1) for W in model.coefs_]


def _rows_in_float32(model: Any) -> None:
    model.partial_fit(X[:30].astype(np.float32), VALUES[:30])


CHANGES: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda model: None,
    "weights in place": _double,
    "weights replaced": _replace,
    "moments": lambda model: model._optimizer.ms[0].fill(1.0),
    "steps": lambda model: setattr(model._optimizer, "t", 1000),
    "beta_1": lambda model: setattr(model._optimizer, "beta_1", 0.5),
    "rate": lambda model: setattr(model._optimizer, "learning_rate_init", 0.1),
    "alpha": lambda model: model.set_params(alpha=3.0),
    "activation": lambda model: model.set_params(activation="tanh"),
    "batch_size": lambda model: model.set_params(batch_size=7),
    "backend": lambda model: model.set_params(backend="reference"),
    "float32": _rows_in_float32,
    "fewer rows": lambda model: model.partial_fit(X[:17], VALUES[:17]),
    "column-major rows": lambda model: model.partial_fit(np.asfortranarray(X[:30]), VALUES[:30]),
    "weighted rows": lambda model: model.partial_fit(X[:30], VALUES[:30], np.arange(30.0)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_same_bits_whatever_changes_between_calls(
    change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained() -> Any:
        model = MLPRegressor(hidden_layer_sizes=(6, 4), batch_size=13, random_state=0)
        for step in (lambda model: None, lambda model: None, CHANGES[change], lambda model: None):
            step(model)
            _stream(model)
            _stream(model, 30)
        return model

    found = trained()
    assert kept.engines
    kept.engines.clear()
    monkeypatch.setattr(kept, "MAX_BYTES", -1)
    expected = trained()
    assert not kept.engines
    for ours, fresh in zip(_state(found), _state(expected), strict=True):
        np.testing.assert_array_equal(ours, fresh)


@pytest.mark.parametrize("params", [{}, {"solver": "sgd"}, {"solver": "sgd", "momentum": 0.0}])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_solvers(kind: Any, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    found, expected = (kind(hidden_layer_sizes=(6,), random_state=0, **params) for _ in range(2))
    for start in (0, 30, 0):
        _stream(found, start)
    monkeypatch.setattr(kept, "MAX_BYTES", -1)
    for start in (0, 30, 0):
        _stream(expected, start)
    for ours, fresh in zip(_state(found), _state(expected), strict=True):
        np.testing.assert_array_equal(ours, fresh)


def test_nothing_is_recorded_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    model = MLPRegressor(hidden_layer_sizes=(6,))
    _stream(model)
    monkeypatch.setattr(kept.DenseEngine, "__init__", None)  # a new one would fail
    _stream(model, 30)
    assert len(model.loss_curve_) == 2


OTHERS: dict[str, dict[str, Any]] = {
    "weights": {"random_state": 1},
    "alpha": {"alpha": 3.0},
    "learning rate": {"learning_rate_init": 0.1},
    "epochs": {"max_iter": 3},
    "early stopping": {"early_stopping": True},
    "smoothing": {"label_smoothing": 0.2},
}
BASE: dict[str, Any] = {"hidden_layer_sizes": (6,), "random_state": 0}


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("other", OTHERS)
def test_another_estimator_takes_it(other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    params = {**BASE, "max_iter": 2, **OTHERS[other]}
    found, expected = MLPClassifier(**params), MLPClassifier(**params)
    expected.fit(X, LABELS)
    kept.engines.clear()
    MLPClassifier(**BASE, max_iter=2, early_stopping=found.early_stopping).fit(-X, LABELS)
    monkeypatch.setattr(kept.DenseEngine, "__init__", None)  # a new one would fail
    found.fit(X, LABELS)
    for ours, fresh in zip(_state(found), _state(expected), strict=True):
        np.testing.assert_array_equal(ours, fresh)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize(
    "params",
    [
        {"beta_1": 0.9},
        {"epsilon": 1e-8},
        {"solver": "sgd", "momentum": 0.9},
        {"solver": "adamw", "weight_decay": 0.1},
        {"clip_norm": 0.1},
    ],
    ids=lambda params: list(params)[-1],
)
def test_a_number_in_float32_is_another_number(params: dict[str, Any]) -> None:
    """To NumPy 2, np.float32(0.9) and 0.9 are equal."""
    name = list(params)[-1]
    rounded = {**params, name: np.float32(params[name])}
    found, expected = (MLPRegressor(**BASE, **rounded, max_iter=3) for _ in range(2))
    expected.fit(X, VALUES)
    kept.engines.clear()
    MLPRegressor(**BASE, **params, max_iter=3).fit(X, VALUES)
    found.fit(X, VALUES)
    for ours, fresh in zip(_state(found), _state(expected), strict=True):
        np.testing.assert_array_equal(ours, fresh)


def test_those_that_wait_longest_go_first() -> None:
    for units in range(1, 11):
        _stream(MLPRegressor(hidden_layer_sizes=(units,)))
    assert [engine.kind[3] for engine in kept.engines] == [(5, u, 2) for u in range(3, 11)]


def test_the_callers_arrays_are_left_alone() -> None:
    model = MLPRegressor(hidden_layer_sizes=(6,), random_state=0)
    first = X[:30].copy(), VALUES[:30].copy()
    model.partial_fit(*first)
    _stream(model, 30)
    np.testing.assert_array_equal(first[0], X[:30])
    np.testing.assert_array_equal(first[1], VALUES[:30])


def test_it_does_not_keep_its_estimator_alive() -> None:
    model = MLPClassifier(**BASE, early_stopping=True, max_iter=2)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, LABELS)
    alive = weakref.ref(model)
    del model
    gc.collect()
    assert kept.engines
    assert alive() is None


def test_two_fits_at_once_have_one_each() -> None:
    model = MLPRegressor(hidden_layer_sizes=(6,))
    _stream(model)
    during = []
    model.callbacks = [lambda estimator, record: during.append(len(kept.engines))]
    _stream(model)
    assert during == [0]
    assert len(kept.engines) == 1


def test_an_interrupted_engine_is_not_kept() -> None:
    model = MLPRegressor(hidden_layer_sizes=(6,))
    _stream(model)

    def interrupt(estimator: Any, record: Any) -> None:
        raise KeyboardInterrupt

    model.callbacks = [interrupt]
    with pytest.warns(match="interrupted"):
        _stream(model)
    assert not kept.engines
