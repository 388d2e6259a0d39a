"""What a fit adds to the memory that its data take: parts of X at the most."""

import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from gpubackprop import MLPClassifier, MLPRegressor

from .agreement import TASKS, WEIGHTS, Array, assert_bitwise_equal, ours_for

ROWS, COLUMNS = 40_000, 100


@pytest.fixture
def mapped(tmp_path: Path) -> Any:
    """16 MB of examples in a file."""
    shape = (ROWS, COLUMNS)
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.float32, shape)  # type: ignore[no-untyped-call]
    X[...] = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    X.flush()
    return np.load(tmp_path / "X.npy", mmap_mode="r")


def added(model: Any, X: Array, y: Array) -> float:
    """Bytes that a fit of one epoch allocates at the most, of each byte of X."""
    model.set_params(hidden_layer_sizes=(8,), max_iter=1, batch_size=500, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X[:1000].copy(), y[:1000])  # what is loaded or compiled once
        tracemalloc.start()
        try:
            model.fit(X, y)
            return tracemalloc.get_traced_memory()[1] / X.nbytes
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_a_fit_copies_no_examples(kind: Any, mapped: Array) -> None:
    y = np.arange(ROWS) % 2
    assert added(kind(), mapped, y) < 0.2
    assert added(kind(precision="float64"), mapped, y) < 0.2
    assert added(kind(early_stopping=True), mapped, y) < 0.1 + 0.3  # those that are held out
    assert added(kind(early_stopping=True, precision="float64"), mapped, y) < 0.2 + 0.3


def test_many_classes_cost_their_targets(mapped: Array) -> None:
    assert added(MLPClassifier(), mapped, np.arange(ROWS) % 10) < 0.1 + 0.2


@pytest.mark.parametrize("way", ["compiled", "reference"])
@pytest.mark.parametrize(("given", "precision"), [("float32", "float64"), ("float64", "float32")])
def test_a_precision_is_as_good_as_data_of_that_type(way: str, given: str, precision: str) -> None:
    task = TASKS["multioutput"]
    X = task.X.astype(given)
    params: dict[str, Any] = {"backend": way, "early_stopping": True, "random_state": 0}
    params |= {"hidden_layer_sizes": (7,), "max_iter": 4, "batch_size": 9}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        chosen = ours_for(task, precision=precision, **params).fit(X, task.y, WEIGHTS)
        converted = ours_for(task, **params).fit(X.astype(precision), task.y, WEIGHTS)
    assert_bitwise_equal(chosen, converted)
    assert type(chosen.loss_) is type(converted.loss_)
    assert chosen.validation_scores_ == converted.validation_scores_
    np.testing.assert_array_equal(chosen.predict(X), converted.predict(X))


@pytest.mark.parametrize("way", ["compiled", "reference"])
def test_weights_of_held_out_rows_decide_nothing(way: str) -> None:
    """A weight that float32 cannot hold would have all of them scaled, or widened."""
    task = TASKS["regression"]
    X, y = task.X.astype(np.float32), task.y.astype(np.float32)
    params: dict[str, Any] = {"backend": way, "early_stopping": True, "random_state": 0}
    params |= {"hidden_layer_sizes": (7,), "max_iter": 4, "batch_size": 9}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = ours_for(task, **params).fit(X, y, WEIGHTS)
        held = _held_out(model, X)
        heavy = WEIGHTS.copy()
        heavy[held] = 1e60
        other = ours_for(task, **params).fit(X, y, heavy)
    assert model.loss_curve_ == other.loss_curve_


def _held_out(model: Any, X: Array) -> Array:
    """Numbers of the rows that scikit-learn's split of this seed holds out, after its weights."""
    from sklearn.model_selection import train_test_split

    generator = np.random.RandomState(0)
    for W in model.coefs_:
        generator.uniform(size=W.shape)
        generator.uniform(size=W.shape[1])
    held: Array = train_test_split(np.arange(len(X)), random_state=generator, test_size=0.1)[1]
    return held
