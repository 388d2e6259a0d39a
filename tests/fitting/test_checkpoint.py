"""`checkpoint` takes less memory and changes no bit of what an estimator learns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from gpubackprop import MLPRegressor, backends
from gpubackprop.algorithm.memory import Host
from gpubackprop.backends import compiled

from .agreement import (
    ENDS_BY_ITSELF,
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


@pytest.mark.parametrize("checkpoint", [1, 3, "sqrt"])
@pytest.mark.parametrize("backend", ["compiled", "reference"])
@pytest.mark.parametrize(
    ("task", "weight", "params"),
    [
        ("multilabel", None, {"solver": "adam"}),
        ("poisson", WEIGHTS, {"solver": "sgd"}),
        ("multiclass", WEIGHTS, {"early_stopping": True}),
        ("multioutput", WEIGHTS, {"solver": "lbfgs", "max_iter": 5}),
    ],
)
def test_weights_are_the_same_bits(
    task: str, weight: Array | None, params: Params, backend: str, checkpoint: Any
) -> None:
    pair = _pair(task, checkpoint, backend=backend, **params)
    for model in pair:
        model.fit(TASKS[task].X, TASKS[task].y, sample_weight=weight)
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


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
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
