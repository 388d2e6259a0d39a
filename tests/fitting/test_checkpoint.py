"""`checkpoint` takes less memory and changes no bit of what an estimator learns."""

import pickle
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone

from gpubackprop import MLPRegressor, backends
from gpubackprop.algorithm.memory import Host
from gpubackprop.backends import compiled

from .agreement import (
    ENDS_BY_ITSELF,
    OURS,
    TASKS,
    WEIGHTS,
    Array,
    Params,
    assert_bitwise_equal,
    ours_for,
)

BASE: Params = {
    **ENDS_BY_ITSELF,
    "hidden_layer_sizes": (9, 4, 7, 3, 8, 5),
    "batch_size": 16,
    "random_state": 0,
}
CHECKPOINTS = (1, 3, "sqrt")
SOLVERS = ("adam", "sgd", "lbfgs")
every_checkpoint = pytest.mark.parametrize("checkpoint", CHECKPOINTS)
every_solver = pytest.mark.parametrize("solver", SOLVERS)
pytestmark = pytest.mark.filterwarnings("ignore:lbfgs failed to converge")


def _pair(task: str, checkpoint: Any, **params: Any) -> tuple[Any, Any]:
    """One that keeps all and one with a checkpoint."""
    settings = {**BASE, **params}
    return ours_for(TASKS[task], **settings), ours_for(
        TASKS[task], **settings, checkpoint=checkpoint
    )


def _assert_same_bits(plain: Any, sparing: Any) -> None:
    assert sparing.loss_ == plain.loss_
    assert getattr(sparing, "validation_scores_", None) == getattr(
        plain, "validation_scores_", None
    )
    if plain.solver == "lbfgs":
        plain.loss_curve_ = sparing.loss_curve_ = []
    assert_bitwise_equal(sparing, plain)


@every_solver
@every_checkpoint
@pytest.mark.parametrize("backend", ["compiled", "reference"])
@pytest.mark.parametrize("task", ["multiclass", "multilabel", "multioutput", "poisson"])
def test_weights_are_the_same_bits(task: str, backend: str, checkpoint: Any, solver: str) -> None:
    epochs = {"max_iter": 5} if solver == "lbfgs" else {}
    pair = _pair(task, checkpoint, solver=solver, backend=backend, **epochs)
    for model in pair:
        model.fit(TASKS[task].X, TASKS[task].y)
    _assert_same_bits(*pair)


@every_solver
@every_checkpoint
def test_weighted_rows(checkpoint: Any, solver: str) -> None:
    task = TASKS["regression"]
    epochs = {"max_iter": 5} if solver == "lbfgs" else {}
    pair = _pair("regression", checkpoint, solver=solver, **epochs)
    for model in pair:
        model.fit(task.X.astype(np.float32), task.y, sample_weight=WEIGHTS)
    _assert_same_bits(*pair)


@every_checkpoint
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_training_goes_on(checkpoint: Any, solver: str) -> None:
    task = TASKS["multiclass"]
    pair = _pair("multiclass", checkpoint, solver=solver, warm_start=True)
    for model in pair:
        model.partial_fit(task.X, task.y, classes=np.unique(task.y))
        model.partial_fit(task.X, task.y)
        model.fit(task.X, task.y).fit(task.X, task.y)
    _assert_same_bits(*pair)


@every_checkpoint
def test_early_stopping(checkpoint: Any) -> None:
    task = TASKS["regression"]
    pair = _pair("regression", checkpoint, early_stopping=True)
    for model in pair:
        model.fit(task.X, task.y)
    _assert_same_bits(*pair)


def test_it_may_be_set_between_two_fits() -> None:
    task = TASKS["regression"]
    pair = _pair("regression", None, warm_start=True)
    for model in pair:
        model.fit(task.X, task.y)
    pair[1].set_params(checkpoint="sqrt")
    for model in pair:
        model.fit(task.X, task.y)
    _assert_same_bits(*pair)


def test_sparse_rows_do_not_heed_it() -> None:
    task = TASKS["regression"]
    pair = _pair("regression", 2)
    for model in pair:
        model.fit(scipy.sparse.csr_array(task.X), task.y)
    _assert_same_bits(*pair)


class Counting(Host):
    """Memory that counts what it gives."""

    taken = 0

    def zeros(self, size: int, dtype: Any) -> Array:
        self.taken += size * np.dtype(dtype).itemsize
        return super().zeros(size, dtype)

    def several(self, sizes: Sequence[int], dtype: Any) -> list[Array]:
        return [self.zeros(size, dtype) for size in sizes]


@every_solver
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_training_takes_less(solver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """25 layers of ten: 12 matrices instead of 51, and the targets."""
    task, taken = TASKS["regression"], []
    rows = 61 if solver == "lbfgs" else 16
    for checkpoint in (None, "sqrt"):
        memory = Counting()
        monkeypatch.setattr(
            backends, "select", lambda *_, m=memory: compiled.backend._replace(memory=m)
        )
        model = MLPRegressor(
            **{**BASE, "hidden_layer_sizes": (10,) * 24, "solver": solver, "max_iter": 1},
            checkpoint=checkpoint,
        )
        model.fit(np.tile(task.X, 2), np.tile(task.y[:, np.newaxis], 10))
        taken.append(memory.taken)
    assert taken[0] - taken[1] == (51 - 12) * rows * 10 * 8


class Scarce(Host):
    """Memory of which little is left."""

    def available(self) -> int:
        return 1000


@pytest.mark.parametrize("checkpoint", [None, "sqrt", 1])
def test_lbfgs_says_what_it_would_need(checkpoint: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 25 layers of ten: 13 matrices instead of 52, 8 for each share, the data, the gradient."""
    scarce = compiled.backend._replace(memory=Scarce())
    monkeypatch.setattr(backends, "select", lambda *_: scarce)
    shape = {"hidden_layer_sizes": (10,) * 24, "solver": "lbfgs"}
    model = MLPRegressor(**{**BASE, **shape}, checkpoint=checkpoint)
    rows, vectors = 4000 * (13 * 80 + 8 + 2 * 80 + 16), 2 * 25 * 11 * 80
    needed = (rows + vectors) / 2**20 + 64
    with pytest.raises(MemoryError) as refused:
        model.fit(np.ones((4000, 10)), np.ones((4000, 10)))
    offer = f"; checkpoint='sqrt' would need {needed:,.1f} MiB"
    assert str(refused.value).endswith(offer) == (checkpoint is None)
    assert ("checkpoint" in str(refused.value)) == (checkpoint is None)


# as a parameter


@pytest.mark.parametrize("bad", [0, -1, True, 1.5, "cube", "", [2], np.nan])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_a_checkpoint_must_be_known(name: str, sparse: bool, bad: Any) -> None:
    task = TASKS["multiclass"]
    X = scipy.sparse.csr_array(task.X) if sparse else task.X
    message = f"checkpoint must be 'sqrt', a whole number from 1, or None, got {bad!r}"
    for solver, method in (("adam", "fit"), ("lbfgs", "fit"), ("adam", "partial_fit")):
        model = getattr(OURS, name)(**BASE, solver=solver, checkpoint=bad)
        with pytest.raises(ValueError, match=re.escape(message)):
            getattr(model, method)(X, task.y)


def test_copies_keep_it() -> None:
    task = TASKS["regression"]
    _, model = _pair("regression", "sqrt")
    for copied in (clone(model), pickle.loads(pickle.dumps(model))):
        assert copied.get_params() == model.get_params()
        assert copied.checkpoint == "sqrt"
        _assert_same_bits(copied.fit(task.X, task.y), clone(model).fit(task.X, task.y))
    assert repr(model).count("checkpoint='sqrt'") == 1
