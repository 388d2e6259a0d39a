"""Parallel fits of networks run in threads where nobody chose a backend."""

import functools
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pytest
from fitting.agreement import ENDS_BY_ITSELF, TASKS, Params
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.parallel import Parallel, delayed

import gpubackprop
from gpubackprop.joblib_backend import FitsInThreads

BASE: Params = {**ENDS_BY_ITSELF, "hidden_layer_sizes": (5,), "random_state": 0}
X, y = TASKS["multiclass"].X, TASKS["multiclass"].y
OWN_CALL = Parallel.__call__


@pytest.fixture
def backends(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Backends that do scikit-learn's parallel work; what would be processes does it in turn."""
    used: list[str] = []

    def call(self: Any, tasks: Any) -> Any:
        used.append(type(self._backend).__name__)
        if not isinstance(self._backend, FitsInThreads):
            self = Parallel(1)
        return OWN_CALL(self, tasks)

    monkeypatch.setattr(Parallel, "__call__", call)
    return used


class OtherGradient(MLPClassifier):  # type: ignore[misc]
    """Computes what the engine does not."""

    def _backprop(self, *arguments: Any) -> Any:
        return super()._backprop(*arguments)


def _searched(model: Any, **params: Any) -> list[Any]:
    names = [name for name in model.get_params() if name.endswith("tol")]
    search = GridSearchCV(model, {names[0]: [1e3, 1e4]}, cv=2, **params).fit(X, y)
    return [search.cv_results_["mean_test_score"]]


def _validated(model: Any, **params: Any) -> list[Any]:
    return [cross_validate(model, X, y, cv=2, **params)["test_score"]]


def _fitted(ensemble: Callable[..., Any], model: Any, **params: Any) -> list[Any]:
    return [ensemble(model, **params).fit(X, y).predict(X)]


_bagged = functools.partial(_fitted, functools.partial(BaggingClassifier, n_estimators=2))
NETWORK = MLPClassifier(**BASE)
LBFGS = MLPClassifier(solver="lbfgs", max_iter=9, random_state=0)
PIPELINE = make_pipeline(StandardScaler(), NETWORK)
WAYS: dict[str, Callable[..., list[Any]]] = {
    "a search": functools.partial(_searched, NETWORK),
    "a search of L-BFGS": functools.partial(_searched, LBFGS),
    "a search of ours": functools.partial(_searched, gpubackprop.MLPClassifier(**BASE)),
    "a search of a pipeline": functools.partial(_searched, PIPELINE),
    "a validation": functools.partial(_validated, NETWORK),
    "an ensemble": functools.partial(_bagged, NETWORK, random_state=0),
    "an ensemble of pipelines": functools.partial(_bagged, PIPELINE, random_state=0),
    "a vote": functools.partial(_fitted, VotingClassifier, [("a", NETWORK), ("b", PIPELINE)]),
}


@pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1 or larger")
@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
@pytest.mark.parametrize("way", WAYS)
def test_fits_of_networks_run_in_threads(way: str, backends: list[str]) -> None:
    with gpubackprop.accelerated():
        expected = WAYS[way]()
        backends.clear()
        found = WAYS[way](n_jobs=2)
    assert backends[0] == "FitsInThreads"
    for mine, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("model", [LogisticRegression(), OtherGradient(**BASE)], ids=str)
def test_what_the_engine_does_not_compute_stays_in_processes(
    model: Any, backends: list[str]
) -> None:
    with gpubackprop.accelerated():
        _validated(model, n_jobs=2)
    assert backends == ["LokyBackend"]


def test_a_backend_that_was_chosen_does_the_work(backends: list[str]) -> None:
    with gpubackprop.accelerated():
        for name in ("loky", "multiprocessing", "threading"):
            with joblib.parallel_config(backend=name):
                _validated(NETWORK, n_jobs=2)
        _validated(NETWORK)
    _validated(NETWORK, n_jobs=2)
    names = ["LokyBackend", "MultiprocessingBackend", "ThreadingBackend"]
    assert backends == [*names, "LokyBackend", "LokyBackend"]


def test_the_very_call_comes_back() -> None:
    with gpubackprop.accelerated():
        assert Parallel.__call__ is not OWN_CALL
        assert Parallel(2)(delayed(abs)(number) for number in ()) == []
        assert Parallel(2, "threading")(delayed(abs)(number) for number in (-1, 2, -3)) == [1, 2, 3]
    assert Parallel.__call__ is OWN_CALL
