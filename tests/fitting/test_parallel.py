"""The same bits come out of processes, threads and forks as of one fit after the other."""

import multiprocessing
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
from joblib import Parallel, delayed
from sklearn.model_selection import GridSearchCV, cross_val_predict
from threadpoolctl import threadpool_limits

from .agreement import (
    ENDS_BY_ITSELF,
    TASKS,
    TOLERANCES,
    Array,
    Params,
    Task,
    assert_bitwise_equal,
    assert_same_model,
    ours_for,
    twins,
)

BASE: Params = {**ENDS_BY_ITSELF, "hidden_layer_sizes": (6,), "batch_size": 16}
FORKS = "fork" in multiprocessing.get_all_start_methods()
GENEROUS = 300
"""Seconds until a child that hangs is given up."""

every_solver = pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])


def _models(task: Task, count: int = 4, **params: Any) -> list[Any]:
    return [ours_for(task, **{**BASE, **params}, random_state=seed) for seed in range(count)]


def _fit(model: Any, X: Array, y: Array) -> Any:
    return model.fit(X, y)


@pytest.mark.parametrize("backend", ["loky", "threading"])
@pytest.mark.parametrize(
    ("solver", "task"), [("adam", "multiclass"), ("sgd", "multioutput"), ("lbfgs", "multiclass")]
)
def test_joblib(solver: str, task: str, backend: str) -> None:
    chosen = TASKS[task]
    params: Params = {"solver": solver, "max_iter": 500}
    serial = [model.fit(chosen.X, chosen.y) for model in _models(chosen, **params)]
    parallel = Parallel(n_jobs=2, backend=backend)(
        delayed(model.fit)(chosen.X, chosen.y) for model in _models(chosen, **params)
    )
    for mine, other in zip(parallel, serial, strict=True):
        assert_bitwise_equal(mine, other)


def test_loky_maps_large_data_into_memory() -> None:
    task = TASKS["regression"]
    X, y = np.tile(task.X, (100, 6)), np.tile(task.y, 100)
    assert X.nbytes > 1 << 20  # joblib's limit, which leaves the workers of other tests alive
    serial = [model.fit(X, y) for model in _models(task, 2)]
    parallel = Parallel(n_jobs=2)(delayed(model.fit)(X, y) for model in _models(task, 2))
    for mine, other in zip(parallel, serial, strict=True):
        assert_bitwise_equal(mine, other)


def test_predicting_in_threads() -> None:
    task = TASKS["multiclass"]
    model = _models(task)[0].fit(task.X, task.y)
    X = np.tile(task.X, (60, 1))
    expected = model.predict_proba(X)
    for found in Parallel(n_jobs=4, backend="threading")(
        delayed(model.predict_proba)(X) for _ in range(8)
    ):
        np.testing.assert_array_equal(found, expected)


def _searched(n_jobs: int) -> GridSearchCV:
    task = TASKS["multiclass"]
    grid = {"hidden_layer_sizes": [(3,), (6, 2)], "alpha": [0.0, 1.0]}
    search = GridSearchCV(_models(task)[0], grid, n_jobs=n_jobs, cv=3, return_train_score=True)
    return search.fit(task.X, task.y)


def test_grid_search() -> None:
    serial, parallel = _searched(1), _searched(2)
    assert parallel.best_params_ == serial.best_params_
    for name in ("mean_test_score", "std_test_score", "mean_train_score"):
        np.testing.assert_array_equal(parallel.cv_results_[name], serial.cv_results_[name])
    assert_bitwise_equal(parallel.best_estimator_, serial.best_estimator_)


def test_cross_validation() -> None:
    task = TASKS["regression"]
    predicted = [cross_val_predict(_models(task)[0], task.X, task.y, n_jobs=n) for n in (1, 2)]
    np.testing.assert_array_equal(*predicted)


@pytest.mark.skipif(not FORKS, reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("threads", [1, 2])
@every_solver
def test_forked_child_after_the_parent_trained(solver: str, threads: int) -> None:
    task = TASKS["multioutput"]
    with threadpool_limits(limits=threads):
        first, second = _models(task, 2, solver=solver, max_iter=500)
        first.fit(task.X, task.y)
        with multiprocessing.get_context("fork").Pool(1) as pool:
            child = pool.apply_async(_fit, (second, task.X, task.y)).get(timeout=GENEROUS)
        assert_bitwise_equal(child, second.fit(task.X, task.y))


def _large() -> Task:
    """Wide enough that passes over memory are worth dividing among threads."""
    rng = np.random.RandomState(0)
    X = rng.randn(500, 40)
    return Task("MLPRegressor", X, np.tanh(X @ rng.randn(40, 3)), {})


@pytest.mark.parametrize(
    ("threads", "dtype", "params"),
    [
        (2, "float32", {}),
        (3, "float64", {"solver": "sgd"}),
        (3, "float32", {"activation": "tanh"}),
    ],
)
def test_threads_within_one_fit(threads: int, params: Params, dtype: str) -> None:
    task = _large()
    task = task._replace(X=task.X.astype(dtype))
    sizes: Params = {"hidden_layer_sizes": (500, 400), "batch_size": 220, "max_iter": 2}
    ours, theirs = twins(task, **sizes, random_state=0, **params)
    with threadpool_limits(limits=threads):
        for model in (ours, theirs):
            with pytest.warns(match="Maximum iterations"):
                model.fit(task.X, task.y)
    assert_same_model(ours, theirs, task.X, task.y, TOLERANCES[dtype])


@pytest.mark.skipif(not FORKS, reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_forked_child_after_the_parent_trained_in_threads() -> None:
    task = _large()
    params = {**ENDS_BY_ITSELF, "hidden_layer_sizes": (500, 400), "random_state": 0}
    model, other = (ours_for(task, **params) for _ in range(2))
    with threadpool_limits(limits=2):
        model.fit(task.X, task.y)
        with multiprocessing.get_context("fork").Pool(1) as pool:
            child = pool.apply_async(_fit, (other, task.X, task.y)).get(timeout=GENEROUS)
    assert_bitwise_equal(child, model)


def test_fits_share_their_threads() -> None:
    """They are kept for the next fit, and are no more after it."""
    task = _large()
    with threadpool_limits(limits=2):
        for fit in range(2):
            ours_for(task, **ENDS_BY_ITSELF, hidden_layer_sizes=(500, 400)).fit(task.X, task.y)
            if fit == 0:
                before = set(threading.enumerate())
    assert set(threading.enumerate()) <= before


ONE_ESTIMATOR = """
import threading, warnings
import numpy as np
from threadpoolctl import threadpool_limits
from gpubackprop import MLPRegressor
from gpubackprop.backends import compiled

warnings.simplefilter("ignore")
compiled.MIN_THREAD_MACS = 1
rng = np.random.RandomState(0)
X, y = rng.randn(1000, 30), rng.randn(1000)
begin = threading.Barrier(2)

def fit(model):
    begin.wait()
    try:
        model.fit(X, y)
    except Exception:
        pass  # they write each other's weights: anything but waiting for ever

with threadpool_limits(2):
    for solver in ("adam", "sgd", "lbfgs"):
        model = MLPRegressor(hidden_layer_sizes=(60, 40), solver=solver, max_iter=10)
        model.fit(X, y)
        for _ in range(3):
            both = [threading.Thread(target=fit, args=(model,)) for _ in range(2)]
            for thread in both:
                thread.start()
            for thread in both:
                thread.join()
        print(solver)
"""


def test_two_threads_that_fit_one_estimator_come_to_an_end() -> None:
    """They once met at each other's barriers, and waited in machine code for ever."""
    command = [sys.executable, "-c", ONE_ESTIMATOR]
    ended = subprocess.run(command, capture_output=True, check=True, timeout=GENEROUS)
    assert ended.stdout.split() == [b"adam", b"sgd", b"lbfgs"]
