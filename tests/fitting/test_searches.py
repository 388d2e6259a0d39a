"""Searches with the joblib backend find what they find one fit after the other, bit by bit."""

import gc
import multiprocessing
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import Mock

import joblib
import numpy as np
import pytest
from accelerator.fresh import lines
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_validate,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import gpubackprop
from gpubackprop import joblib_backend
from gpubackprop.backends import threads
from gpubackprop.joblib_backend import FitsInThreads, Lanes

from .agreement import ENDS_BY_ITSELF, OURS, TASKS, Params

BASE: Params = {**ENDS_BY_ITSELF, "hidden_layer_sizes": (5,), "batch_size": 20, "random_state": 0}
GRID = {"alpha": [0.0, 1.0], "activation": ["relu", "tanh"]}
X, y = TASKS["multiclass"].X, TASKS["multiclass"].y
TARGETS = TASKS["multioutput"].y


def _model(**params: Any) -> Any:
    return OURS.MLPClassifier(**{**BASE, **params})


def _searched(search: Any) -> list[Any]:
    search.fit(X, y)
    scores = [search.cv_results_[name] for name in ("mean_test_score", "std_test_score")]
    return [*scores, *search.best_estimator_.coefs_, search.predict(X)]


def _pipeline() -> list[Any]:
    model = make_pipeline(StandardScaler(), _model())
    grid = {f"mlpclassifier__{name}": values for name, values in GRID.items()}
    search = GridSearchCV(model, grid, cv=3).fit(X, y)
    return [search.cv_results_["mean_test_score"], search.predict_proba(X)]


def _validated() -> list[Any]:
    found = cross_validate(_model(), X, y, cv=4, return_estimator=True)
    return [found["test_score"], *(model.coefs_[0] for model in found["estimator"])]


def _curve() -> list[Any]:
    return list(learning_curve(_model(), X, y, cv=3, train_sizes=[0.5, 1.0]))


def _proba(model: Any) -> list[Any]:
    return [model.fit(X, y).predict_proba(X)]


def _bagged() -> list[Any]:
    """Weights: predictions are summed in another order, of two halves."""
    bag = BaggingClassifier(_model(batch_size="auto"), 4, random_state=0).fit(X, y)
    return [W for model in bag.estimators_ for W in model.coefs_]


def _pair() -> list[tuple[str, Any]]:
    return [("a", _model()), ("b", _model(activation="tanh"))]


SEARCHES: dict[str, Callable[[], list[Any]]] = {
    "GridSearchCV": lambda: _searched(GridSearchCV(_model(), GRID, cv=3)),
    "RandomizedSearchCV": lambda: _searched(
        RandomizedSearchCV(_model(), GRID, n_iter=3, cv=3, random_state=0)
    ),
    "HalvingGridSearchCV": lambda: _searched(
        HalvingGridSearchCV(_model(batch_size=5), GRID, cv=2, random_state=0)
    ),
    "pipeline": _pipeline,
    "cross_validate": _validated,
    "learning_curve": _curve,
    "Bagging": _bagged,
    "OneVsRest": lambda: _proba(OneVsRestClassifier(_model())),
    "MultiOutput": lambda: [
        MultiOutputRegressor(OURS.MLPRegressor(**BASE)).fit(X, TARGETS).predict(X)
    ],
    "Voting": lambda: _proba(VotingClassifier(_pair(), voting="soft")),
    "Stacking": lambda: _proba(StackingClassifier(_pair(), cv=3)),
    "Calibrated": lambda: _proba(CalibratedClassifierCV(_model(), cv=3)),
}


@pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1 or larger")
@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_finds_the_same_bits(name: str) -> None:
    expected = SEARCHES[name]()
    with joblib.parallel_config(backend="gpubackprop", n_jobs=2):
        found = SEARCHES[name]()
    for mine, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1 or larger")
def test_scikit_learns_own_are_searched_through_when_accelerated() -> None:
    from sklearn.neural_network import MLPClassifier

    with gpubackprop.accelerated():
        search = GridSearchCV(MLPClassifier(**BASE), GRID, cv=3)
        expected = _searched(search)
        with joblib.parallel_config(backend="gpubackprop", n_jobs=2):
            found = _searched(search)
    for mine, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mine, other)


def _seen(meeting: threading.Barrier) -> tuple[int, int, int, str]:
    meeting.wait(60)  # each task in a thread of its own, both at once
    inner = joblib.Parallel(n_jobs=2)
    blas = max(pool.num_threads for pool in threads._pools())
    inside = inner(joblib.delayed(threading.get_ident)() for _ in range(3))
    assert set(inside) == {threading.get_ident()}
    return threading.get_ident(), threads.available(), blas, type(inner._backend).__name__


def test_each_task_has_one_thread() -> None:
    with threadpool_limits(limits=2):
        with joblib.parallel_config(backend="gpubackprop", n_jobs=2):
            meeting = threading.Barrier(2)
            found = joblib.Parallel()(joblib.delayed(_seen)(meeting) for _ in range(2))
        assert threads.available() == 2
        assert {pool.num_threads for pool in threads._pools()} == {2}
    idents, lanes, blas, inner = zip(*found, strict=True)
    assert len(set(idents) - {threading.get_ident()}) == 2
    assert (set(lanes), set(blas), set(inner)) == ({1}, {1}, {"SequentialBackend"})


def test_the_blas_has_its_threads_back_after_an_error() -> None:
    def fail() -> None:
        raise KeyError

    with threadpool_limits(limits=2), joblib.parallel_config(backend="gpubackprop", n_jobs=2):
        with pytest.raises(KeyError):
            joblib.Parallel()(joblib.delayed(fail)() for _ in range(4))
        assert {pool.num_threads for pool in threads._pools()} == {2}


def test_all_cores_are_the_default() -> None:
    with joblib.parallel_config(backend="gpubackprop"):
        assert joblib.effective_n_jobs() == joblib.effective_n_jobs(-1)


@pytest.mark.parametrize("first", ["joblib", "gpubackprop"])
def test_the_backend_has_its_name_from_the_import_on(first: str, tmp_path: Path) -> None:
    """Before an estimator is touched, whichever of the two is imported first."""
    code = f"""
        import {first}
        import gpubackprop, joblib, sys
        print("gpubackprop.backends" in sys.modules)
        with joblib.parallel_config(backend="gpubackprop", n_jobs=2):
            print(joblib.Parallel()(joblib.delayed(abs)(i) for i in (-1, 2)))
        print(joblib.Parallel(2, backend="gpubackprop")(joblib.delayed(abs)(i) for i in (-3, 4)))
    """
    assert lines(code, tmp_path) == ["False", "[1, 2]", "[3, 4]"]


@pytest.fixture
def two_jobs() -> Iterator[None]:
    with joblib.parallel_config(backend="gpubackprop", n_jobs=2):
        yield


@pytest.mark.usefixtures("two_jobs")
def test_no_thread_stands_between_the_caller_and_the_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[int] = []
    monkeypatch.setattr(time, "sleep", lambda seconds: slept.append(threading.get_ident()))
    before = {*threading.enumerate()}
    seen = joblib.Parallel()(joblib.delayed(threading.enumerate)() for _ in range(20))
    assert len({thread for each in seen for thread in each} - before) == 2
    assert threading.get_ident() not in slept


@pytest.mark.usefixtures("two_jobs")
def test_an_error_is_told_while_other_tasks_run() -> None:
    told, over = threading.Event(), threading.Event()

    def work(number: int) -> None:
        if number:
            raise KeyError(number)
        told.wait(60)
        over.set()

    with pytest.raises(KeyError):
        joblib.Parallel()(joblib.delayed(work)(number) for number in range(2))
    assert not over.is_set()
    told.set()


@pytest.mark.usefixtures("two_jobs")
@pytest.mark.parametrize("return_as", ["generator", "generator_unordered"])
def test_a_result_comes_while_other_tasks_run(return_as: str) -> None:
    seen = threading.Event()

    def work(number: int) -> int:
        assert number != 1 or seen.wait(60)
        return number

    results = joblib.Parallel(return_as=return_as)(joblib.delayed(work)(i) for i in range(3))
    assert next(results) == 0
    seen.set()
    assert sorted(results) == [1, 2]


@pytest.mark.usefixtures("two_jobs")
def test_a_task_may_take_too_long() -> None:
    over = threading.Event()
    with pytest.raises(multiprocessing.TimeoutError):
        joblib.Parallel(timeout=0.01)(joblib.delayed(over.wait)(60) for _ in range(3))
    over.set()


def test_nothing_is_told_of_a_task_that_was_left() -> None:
    """joblib may take the end of such a task for that of one of the next call."""
    before, begun, over = {*threading.enumerate()}, threading.Event(), threading.Event()
    told: list[Any] = []

    def work(seconds: float) -> None:
        begun.set()
        assert over.wait(seconds)

    lanes = Lanes(1)
    for _ in range(2):
        lanes.apply_async(work, (60,), told.append, told.append)
    assert begun.wait(60)
    lanes.terminate()
    over.set()
    for thread in {*threading.enumerate()} - before:
        thread.join()
    assert told == []


@pytest.mark.usefixtures("two_jobs")
@pytest.mark.parametrize(
    "options", [{"pre_dispatch": "all"}, {"pre_dispatch": 1}, {"batch_size": 3}]
)
def test_tasks_come_in_any_portions(options: dict[str, Any]) -> None:
    with joblib.Parallel(**options) as parallel:
        for count in (0, 1, 20):
            found = parallel(joblib.delayed(abs)(-number) for number in range(count))
            assert found == list(range(count))


def test_an_interrupt_of_the_wait_is_told_wherever_it_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In Python's own files too, which may have given up a lock that they release again."""
    monkeypatch.setattr(joblib_backend, "NAP_SECONDS", 1e-3)
    over, lanes, left = threading.Event(), Lanes(1), 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        left -= event == "line"
        if event == "line" and left == 0:
            raise KeyboardInterrupt
        return trace

    def interrupted_wait() -> None:
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            lanes.wait()
        finally:
            sys.settrace(before)

    lanes.apply_async(over.wait, (60,), bool, bool)
    for left in range(1, 60):  # noqa: B007  lines until the interrupt
        with pytest.raises(KeyboardInterrupt):
            interrupted_wait()
    over.set()
    lanes.wait()
    lanes.terminate()


def test_calls_of_one_backend_may_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of a generator and of what its results go to; no other call disturbs them."""
    undisturbed = Mock(wraps=threads._undisturbed)
    with threadpool_limits(limits=2):
        backend = FitsInThreads()
        backend.start_call()
        backend.start_call()
        monkeypatch.setattr(threads, "_undisturbed", undisturbed)
        backend.stop_call()
        assert {pool.num_threads for pool in threads._pools()} == {1}
        backend.stop_call()
        assert {pool.num_threads for pool in threads._pools()} == {2}
    assert undisturbed.call_count == 2


def test_a_call_that_never_ended_gives_the_blas_back() -> None:
    """joblib tells of no end where an interrupt comes just after the beginning."""
    with threadpool_limits(limits=2):
        backend = FitsInThreads()
        backend.start_call()
        assert {pool.num_threads for pool in threads._pools()} == {1}
        del backend
        gc.collect()
        assert {pool.num_threads for pool in threads._pools()} == {2}


@pytest.mark.usefixtures("two_jobs")
def test_an_interrupt_ends_the_wait() -> None:
    over, main = threading.Event(), threading.get_ident()

    def work() -> None:
        signal.pthread_kill(main, signal.SIGINT)
        assert over.wait(60)

    with pytest.raises(KeyboardInterrupt):
        joblib.Parallel()(joblib.delayed(work)() for _ in range(1))
    over.set()
