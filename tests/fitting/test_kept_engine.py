"""A call that finds the engine of the last one ends with the same bits as one that does not."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

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


def _kept(model: Any) -> Any:
    return kept.kept(model)


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
    assert _kept(found) is not None
    monkeypatch.setattr(kept, "MAX_BYTES", -1)
    expected = trained()
    assert _kept(expected) is None
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


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_only_fits_that_go_on_keep_theirs() -> None:
    for warm_start in (False, True):
        model = MLPRegressor(hidden_layer_sizes=(6,), max_iter=2, warm_start=warm_start)
        model.fit(X, VALUES)
        assert (_kept(model) is not None) == warm_start


def test_the_callers_arrays_are_left_alone() -> None:
    model = MLPRegressor(hidden_layer_sizes=(6,), random_state=0)
    first = X[:30].copy(), VALUES[:30].copy()
    model.partial_fit(*first)
    _stream(model, 30)
    np.testing.assert_array_equal(first[0], X[:30])
    np.testing.assert_array_equal(first[1], VALUES[:30])


@pytest.mark.parametrize(
    "copied", [clone, copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))]
)
def test_no_copy_has_it(copied: Callable[[Any], Any]) -> None:
    model = MLPRegressor(hidden_layer_sizes=(6,))
    _stream(model)
    assert _kept(copied(model)) is None
    assert _kept(model) is not None


def test_two_fits_at_once_have_one_each() -> None:
    model = MLPRegressor(hidden_layer_sizes=(6,))
    _stream(model)
    during = []
    model.callbacks = [lambda estimator, record: during.append(_kept(estimator))]
    _stream(model)
    assert during == [None]


def test_an_interrupted_engine_is_not_kept() -> None:
    model = MLPRegressor(hidden_layer_sizes=(6,))
    _stream(model)

    def interrupt(estimator: Any, record: Any) -> None:
        raise KeyboardInterrupt

    model.callbacks = [interrupt]
    with pytest.warns(match="interrupted"):
        _stream(model)
    assert _kept(model) is None
