"""Fits that are cut off and go on, and how their models are compared with whole ones."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.exceptions import ConvergenceWarning

from gpubackprop import Backup, EpochRecord
from tests.fitting.agreement import TASKS, WEIGHTS, Params, ours_for

BASE: Params = {"hidden_layer_sizes": (6, 4), "batch_size": 8, "random_state": 0, "max_iter": 14}
SGD: Params = {"solver": "sgd", "learning_rate_init": 0.1}
EARLY: Params = {"early_stopping": True, "validation_fraction": 0.3}

CASES: dict[str, tuple[str, Params]] = {
    "adam": ("multiclass", {}),
    "reference": ("binary", {"backend": "reference"}),
    "momentum": ("regression", {**SGD, "learning_rate": "invscaling"}),
    "adaptive": ("binary", {**SGD, "learning_rate": "adaptive", "tol": 1.0, "n_iter_no_change": 1}),
    "early stopping": ("binary", EARLY),
    "early stopping, SGD": ("multioutput", {**EARLY, **SGD, "learning_rate_init": 0.001}),
    "paced": (
        "multiclass",
        {"solver": "nadam", "schedule": "cosine", "warmup": 1, "clip_norm": 0.5, "dropout": 0.2}
        | EARLY,
    ),
    "no shuffling": ("poisson", {"shuffle": False}),
    "narrow": ("strings", {"precision": "float32", "shuffle": "blocks", **EARLY}),
    "wide targets": ("regression", {}),
    "sparse": ("multiclass", {**EARLY}),
    "sparse, SGD": ("regression", {**SGD, "learning_rate_init": 0.001}),
}
"""Tasks, and the parameters besides `BASE`."""


class CutError(Exception):
    """Ends a fit as a kill does."""


class Cut:
    """Callback that ends a fit in an epoch, before the backup of that epoch."""

    def __init__(self, epoch: int | None) -> None:
        self.epoch = epoch

    def __call__(self, estimator: Any, record: EpochRecord) -> None:
        if record.epoch == self.epoch:
            raise CutError


def data(case: str) -> tuple[Any, Any]:
    """Examples and targets."""
    task, _ = CASES[case]
    X, y = TASKS[task].X, TASKS[task].y
    if case.startswith("sparse"):
        return scipy.sparse.csr_array(X), y
    if case == "wide targets":  # trained in float64, shown in float32
        return X.astype(np.float32), y * 1e13
    return X, y


def model(case: str, folder: Path | None = None, cut: int | None = None, **params: Any) -> Any:
    """Make an estimator that saves after every epoch."""
    task, own = CASES[case]
    callbacks = [Cut(cut), *([Backup(folder, every=0)] if folder else [])]
    return ours_for(TASKS[task], **{**BASE, **own, "callbacks": callbacks, **params})


def fitted(estimator: Any, X: Any, y: Any, **weights: Any) -> Any:
    """Fit, through to the end or until it is cut off; return the estimator."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            return estimator.fit(X, y, **weights)
        except CutError:
            return estimator


def fit(case: str, folder: Path | None = None, cut: int | None = None, **params: Any) -> Any:
    """Fit a case's model on its data, some of them weighted."""
    weights = {"sample_weight": WEIGHTS} if case in ("adam", "early stopping") else {}
    return fitted(model(case, folder, cut, **params), *data(case), **weights)


def assert_same(mine: Any, other: Any, name: str = "model") -> None:
    """Check that two values are the same to the last bit, of whatever they are made."""
    assert type(mine) is type(other), name
    if isinstance(mine, EpochRecord):
        assert_same(tuple(mine._replace(seconds=0.0)), tuple(other._replace(seconds=0.0)), name)
    elif isinstance(mine, np.ndarray):
        assert mine.dtype == other.dtype, name
        np.testing.assert_array_equal(mine, other, err_msg=name)
    elif isinstance(mine, (list, tuple)):
        assert len(mine) == len(other), name
        for i, (a, b) in enumerate(zip(mine, other, strict=True)):
            assert_same(a, b, f"{name}[{i}]")
    elif isinstance(mine, np.random.RandomState):
        assert_same(mine.get_state(), other.get_state(), name)
    elif hasattr(mine, "__dict__") and not callable(mine):
        skipped = {"callbacks", "device", "backend", "max_iter"}
        assert vars(mine).keys() == vars(other).keys(), name
        for key in vars(mine).keys() - skipped:
            assert_same(vars(mine)[key], vars(other)[key], f"{name}.{key}")
    else:
        np.testing.assert_equal(mine, other, err_msg=name)
