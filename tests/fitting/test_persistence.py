"""Saved and copied models predict the same and train on as if nothing had happened."""

import copy
import pickle
import pickletools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import InconsistentVersionWarning

import gpubackprop
from gpubackprop import MLPRegressor

from .agreement import (
    ENDS_BY_ITSELF,
    TASKS,
    TOLERANCES,
    Params,
    assert_bitwise_equal,
    assert_same_model,
    ours_for,
    said,
    train_both,
    twins,
)

BASE: Params = {**ENDS_BY_ITSELF, "hidden_layer_sizes": (6,), "batch_size": 16, "random_state": 0}


def _pickled(model: Any) -> Any:
    return pickle.loads(pickle.dumps(model))


def _dumped(model: Any, folder: Path) -> Any:
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib")


COPIES: dict[str, Callable[[Any, Path], Any]] = {
    "pickle": lambda model, _: _pickled(model),
    "pickle-protocol-2": lambda model, _: pickle.loads(pickle.dumps(model, protocol=2)),
    "joblib": _dumped,
    "deepcopy": lambda model, _: copy.deepcopy(model),
}
every_copy = pytest.mark.parametrize("make", COPIES)
SOLVERS = ("adam", "sgd", "lbfgs")
every_solver = pytest.mark.parametrize("solver", SOLVERS)


def _fitted(task: str, **params: Any) -> Any:
    chosen = TASKS[task]
    return ours_for(chosen, **{**BASE, **params}).fit(chosen.X, chosen.y)


@every_copy
@pytest.mark.parametrize("task", TASKS)
def test_copy_predicts_the_same(make: str, task: str, tmp_path: Path) -> None:
    model, X = _fitted(task), TASKS[task].X
    other = COPIES[make](model, tmp_path)
    assert_bitwise_equal(other, model)
    np.testing.assert_array_equal(other.predict(X), model.predict(X))
    assert other.get_params() == model.get_params()
    assert set(vars(other)) == set(vars(model))


@every_copy
@pytest.mark.parametrize(
    ("method", "solver"),
    [*(("fit", s) for s in SOLVERS), ("partial_fit", "adam"), ("partial_fit", "sgd")],
)
def test_copy_trains_on_as_scikit_learns_does(
    make: str, method: str, solver: str, tmp_path: Path
) -> None:
    task = TASKS["multioutput"]
    epochs = {"max_iter": 2} if solver == "lbfgs" else {}
    ours, theirs = twins(task, **{**BASE, **epochs, "solver": solver}, warm_start=True)
    for _ in range(3):
        train_both(ours, theirs, task.X, task.y, method=method)
        ours = COPIES[make](ours, tmp_path)
    train_both(ours, theirs, task.X, task.y, method=method)
    assert_same_model(ours, theirs, task.X, task.y, TOLERANCES["float64"])


@every_copy
def test_copy_of_an_early_stopped_model_trains_on(make: str, tmp_path: Path) -> None:
    # coefs_ and _best_coefs are the same arrays then, and have to be so in the copy.
    task = TASKS["regression"]
    ours, theirs = twins(task, **BASE, early_stopping=True, warm_start=True)
    train_both(ours, theirs, task.X, task.y)
    ours = COPIES[make](ours, tmp_path)
    assert ours.coefs_ is ours._best_coefs
    train_both(ours, theirs, task.X, task.y)
    assert_same_model(ours, theirs, task.X, task.y, TOLERANCES["float64"])


def test_copy_and_original_are_independent() -> None:
    task = TASKS["regression"]
    model = _fitted("regression", warm_start=True)
    before = [c.copy() for c in model.coefs_]
    copy.deepcopy(model).fit(task.X, -task.y)
    for array, kept in zip(model.coefs_, before, strict=True):
        np.testing.assert_array_equal(array, kept)


@every_solver
def test_clone_trains_to_the_same_bits(solver: str) -> None:
    task = TASKS["binary"]
    model = _fitted("binary", solver=solver, max_iter=200)
    other = clone(model)
    assert not hasattr(other, "coefs_")
    other.fit(task.X, task.y)
    np.testing.assert_array_equal(other.coefs_[0], model.coefs_[0])


def test_clone_keeps_own_parameters() -> None:
    model = gpubackprop.MLPRegressor(device="cuda:1", backend="reference", callbacks=[print])
    assert clone(model).get_params() == model.get_params()


def test_memory_mapped_model_predicts(tmp_path: Path) -> None:
    task = TASKS["regression"]
    model = _fitted("regression")
    joblib.dump(model, tmp_path / "model")
    mapped = joblib.load(tmp_path / "model", mmap_mode="r")
    assert not mapped.coefs_[0].flags.writeable
    for X in (task.X, np.tile(task.X, (50, 1))):
        np.testing.assert_array_equal(mapped.predict(X), model.predict(X))


@pytest.mark.parametrize(
    ("method", "early_stopping"), [("fit", False), ("fit", True), ("partial_fit", False)]
)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_memory_mapped_model_is_refused_before_it_trains(
    solver: str, method: str, early_stopping: bool, tmp_path: Path
) -> None:
    task, epochs = TASKS["regression"], list[int]()
    both = twins(task, **BASE, solver=solver, warm_start=True, early_stopping=early_stopping)
    for model in both:
        file = tmp_path / type(model).__module__
        joblib.dump(model.fit(task.X, task.y), file)
        mapped = joblib.load(file, mmap_mode="r")
        if model is both[0]:
            mapped.set_params(callbacks=[lambda model, record: epochs.append(record.epoch)])
        with pytest.raises(ValueError, match=r"^output array is read-only"):
            getattr(mapped, method)(task.X, task.y)
    assert epochs == []
    lent = joblib.load(tmp_path / "gpubackprop", mmap_mode="c")  # copied when it is written to
    getattr(lent, method)(task.X, task.y)


@every_solver
def test_memory_mapped_model_trains_on_with_weights_of_its_own(solver: str, tmp_path: Path) -> None:
    task = TASKS["regression"]
    ours, theirs = twins(task, **{**BASE, "solver": solver, "max_iter": 7}, warm_start=True)
    mapped = []
    for model in (ours, theirs):
        file = tmp_path / type(model).__module__
        said(model.fit, task.X, task.y)
        joblib.dump(model, file)
        mapped.append(joblib.load(file, mmap_mode="r"))
        if solver != "lbfgs":  # which makes new arrays by itself
            for name in ("coefs_", "intercepts_"):
                setattr(mapped[-1], name, [w.copy() for w in getattr(mapped[-1], name)])
    for _ in range(2):
        train_both(*mapped, task.X, task.y, method="partial_fit" if solver != "lbfgs" else "fit")
    assert_same_model(*mapped, task.X, task.y, TOLERANCES["float64"])


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_class_says_it_lives_in_the_package(name: str) -> None:
    assert getattr(gpubackprop, name).__module__ == "gpubackprop"


@pytest.mark.parametrize("task", ["multilabel", "regression"])
@every_solver
def test_pickle_names_no_file_of_ours(solver: str, task: str) -> None:
    content = pickle.dumps(_fitted(task, solver=solver, max_iter=200), protocol=2)
    modules = {
        str(argument).split(" ")[0]
        for opcode, argument, _ in pickletools.genops(content)
        if opcode.name == "GLOBAL"
    }
    assert "gpubackprop" in modules
    assert not {name for name in modules if name.startswith("gpubackprop.")}


@pytest.mark.parametrize(
    ("version", "kind", "words"),
    [
        ("sklearn.__version__", InconsistentVersionWarning, "from version 1.5.0"),
        ("gpubackprop.fitting.accelerated.__version__", UserWarning, "from gpubackprop 1.5.0"),
    ],
)
def test_another_version_warns(
    version: str, kind: type[Warning], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(version, "1.5.0")
        content = pickle.dumps(_fitted("regression"))
    with pytest.warns(kind, match=f"MLPRegressor {words}") as said:
        model = pickle.loads(content)
    assert len(said) == 1
    model.predict(TASKS["regression"].X)
    _pickled(model)  # says nothing: it is this version's now


_PREDICT = """
import sys, joblib, numpy as np
model, X, expected = joblib.load(sys.argv[1])
np.testing.assert_array_equal(model.predict(X), expected)
model.partial_fit(X, expected)
print(type(model).__module__)
"""


def test_model_is_loaded_in_a_fresh_process(tmp_path: Path) -> None:
    model, X = _fitted("regression"), np.tile(TASKS["regression"].X, (50, 1))
    joblib.dump((model, X, model.predict(X)), tmp_path / "saved")
    command = [sys.executable, "-W", "error", "-c", _PREDICT, str(tmp_path / "saved")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert (done.stdout.strip(), done.stderr) == ("gpubackprop", "")


class PickledInItsFit(MLPRegressor):
    """Pickles itself whenever L-BFGS evaluates."""

    def _backprop(self, *arguments: Any) -> Any:
        pickle.loads(pickle.dumps(self))
        return super()._backprop(*arguments)


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_a_model_is_pickled_in_the_middle_of_an_lbfgs_fit() -> None:
    rows = np.random.RandomState(0).randn(20, 3)
    model = PickledInItsFit(hidden_layer_sizes=(4,), solver="lbfgs", max_iter=2)
    model.fit(rows, rows[:, 0])
    assert "_rows" not in vars(model)
