"""Data in any memory layout trains to the same bits, with the machine code that is there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from gpubackprop.fitting.engines import full_batch
from gpubackprop.kernels.native import launch

from .agreement import (
    ENDS_BY_ITSELF,
    TASKS,
    TOLERANCES,
    WEIGHTS,
    Array,
    Params,
    assert_bitwise_equal,
    assert_near,
    assert_same_history,
    assert_same_model,
    assert_same_parameters,
    ours_for,
    said,
    train_both,
    twins,
)

BASE: Params = {**ENDS_BY_ITSELF, "hidden_layer_sizes": (6,), "batch_size": 16, "random_state": 0}


def _unaligned(A: Array) -> Array:
    room = np.zeros(A.nbytes + 1, dtype=np.uint8)
    view = room[1:].view(A.dtype).reshape(A.shape)
    view[...] = A
    assert not view.flags.aligned
    return view


def _strided(A: Array) -> Array:
    for axis in range(A.ndim):
        A = np.repeat(A, 2, axis=axis)
    return A[(slice(None, None, 2),) * A.ndim]


def _read_only(A: Array) -> Array:
    copy = A.copy()
    copy.flags.writeable = False
    return copy


def _column_slice(A: Array) -> Array:
    """Columns of a wider matrix: rows have gaps, as a user's X[:, :k] has."""
    return np.hstack([A, A])[:, : A.shape[1]]


LAYOUTS: dict[str, Callable[[Array], Any]] = {
    "fortran": np.asfortranarray,
    "strided": _strided,
    "column-slice": _column_slice,
    "backwards": lambda A: np.ascontiguousarray(A[::-1, ::-1])[::-1, ::-1],
    "read-only": _read_only,
    "unaligned": _unaligned,
    "big-endian": lambda A: A.astype(A.dtype.newbyteorder(">")),
    "data-frame": pd.DataFrame,
    "list": lambda A: A.tolist(),
}

every_solver = pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
pytestmark = pytest.mark.filterwarnings("ignore:lbfgs failed to converge")


def _trained(X: Any, y: Any, **params: Any) -> Any:
    ours = ours_for(TASKS["multioutput"], **{**BASE, **params})
    ours.fit(X, y)
    return ours


@every_solver
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_of_examples(layout: str, dtype: str, solver: str) -> None:
    X, y = TASKS["multioutput"].X.astype(dtype), TASKS["multioutput"].y
    if dtype == "float32" and layout in ("big-endian", "list"):
        X = X.astype(np.float64)  # what scikit-learn's validation makes of them
    params = {"solver": solver, "max_iter": 3 if solver == "lbfgs" else 200}
    plain = _trained(X, y, **params)
    known = launch.compiled_kernels()
    other = _trained(LAYOUTS[layout](X), y, **params)
    assert launch.compiled_kernels() == known
    if layout == "fortran" and solver == "lbfgs":
        assert_near(other.coefs_[0], plain.coefs_[0], TOLERANCES[dtype].weight)  # BLAS reads X^T
    else:
        assert_bitwise_equal(other, plain)


@every_solver
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_of_targets(layout: str, solver: str) -> None:
    X, y = TASKS["multioutput"].X, TASKS["multioutput"].y
    params = {"solver": solver, "max_iter": 3 if solver == "lbfgs" else 200}
    assert_bitwise_equal(_trained(X, LAYOUTS[layout](y), **params), _trained(X, y, **params))


@pytest.mark.parametrize("layout", ["strided", "read-only", "unaligned", "big-endian", "list"])
def test_layout_of_weights(layout: str) -> None:
    task = TASKS["regression"]
    plain, other = ours_for(task, **BASE), ours_for(task, **BASE)
    plain.fit(task.X, task.y, WEIGHTS)
    other.fit(task.X, task.y, LAYOUTS[layout](WEIGHTS))
    assert_bitwise_equal(other, plain)


def test_rows_that_share_memory() -> None:
    X = np.lib.stride_tricks.sliding_window_view(np.arange(65.0) / 65, 5)
    y = np.broadcast_to(np.sin(X[:, :1]), (61, 3))
    assert_bitwise_equal(_trained(X, y), _trained(X.copy(), y.copy()))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_memory_mapped_files(dtype: str, tmp_path: Path) -> None:
    X, y = TASKS["multioutput"].X.astype(dtype), TASKS["multioutput"].y
    plain = _trained(X, y)
    known = launch.compiled_kernels()
    np.save(tmp_path / "X.npy", X)
    joblib.dump(X, tmp_path / "X.joblib")
    for mapped in (
        np.load(tmp_path / "X.npy", mmap_mode="r"),
        joblib.load(tmp_path / "X.joblib", mmap_mode="r"),
    ):
        assert isinstance(mapped, np.memmap)
        assert_bitwise_equal(_trained(mapped, y), plain)
    assert launch.compiled_kernels() == known


@pytest.mark.parametrize("task", ["regression", "multioutput", "poisson", "binary", "multiclass"])
@every_solver
def test_float32_examples_train_in_float32(
    solver: str, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "_entries", {})  # as in a process that has run nothing yet
    chosen = TASKS[task]
    ours = ours_for(chosen, **{**BASE, "solver": solver, "max_iter": 200})
    ours.fit(chosen.X.astype(np.float32), chosen.y)
    if solver == "lbfgs":
        return  # SciPy's parameters are float64, scikit-learn's weights too then
    assert {a.dtype for a in ours.coefs_ + ours.intercepts_} == {np.dtype(np.float32)}
    whole_numbers = {
        f"{name}_float64" for name in ("gemm", "advance", "replay", "put_aside")
    }  # no type of their own
    float64 = {name for name in launch.compiled_kernels() if name.endswith("float64")}
    assert float64 <= whole_numbers
    assert launch.compiled_kernels()


@every_solver
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_data_are_left_as_they_are(dtype: str, solver: str) -> None:
    task = TASKS["multioutput"]
    given = (task.X.astype(dtype), task.y.astype(dtype), WEIGHTS.astype(dtype))
    copies = [array.copy() for array in given]
    model = ours_for(task, **{**BASE, "solver": solver, "max_iter": 50}).fit(*given)
    model.predict(given[0])
    for array, copy in zip(given, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


SPARSE = {
    "csr_matrix": scipy.sparse.csr_matrix,
    "csc_matrix": scipy.sparse.csc_matrix,
    "coo_matrix": scipy.sparse.coo_matrix,
    "csr_array": scipy.sparse.csr_array,
    "csc_array": scipy.sparse.csc_array,
}
SPARSE_PARAMS: dict[str, Params] = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate": "invscaling"},
    "no-shuffle": {"shuffle": False},
    "lbfgs": {"solver": "lbfgs", "max_iter": 20},
    "early-stopping": {"early_stopping": True},
}


SPARSE_CASES = [
    (container, params, ("binary", "multioutput", "multilabel")[(i + j) % 3], (i + j) % 2 == 0)
    for i, container in enumerate(SPARSE)
    for j, params in enumerate(SPARSE_PARAMS)
]


@pytest.mark.parametrize(("container", "params", "task", "weighted"), SPARSE_CASES)
def test_sparse_examples_train_as_scikit_learn_trains(
    container: str, params: str, task: str, weighted: bool
) -> None:
    chosen = TASKS[task]
    X = SPARSE[container](np.where(np.abs(chosen.X) > 0.5, chosen.X, 0.0))
    ours, theirs = twins(chosen, **{**BASE, "max_iter": 8, **SPARSE_PARAMS[params]})
    train_both(ours, theirs, X, chosen.y, *([WEIGHTS] if weighted else []))
    if theirs.solver == "lbfgs":  # it is scikit-learn's own code that trains
        assert_bitwise_equal(ours, theirs)
    assert_same_model(ours, theirs, X, chosen.y, TOLERANCES["float64"])


@pytest.mark.parametrize("rows", [61, 1100])
def test_data_frames_of_sparse_columns(rows: int) -> None:
    # They say that they are sparse when they have been validated, and not before.
    task = TASKS["binary"]
    dense = np.resize(np.where(np.abs(task.X) > 0.5, task.X, 0.0), (rows, 5))
    X, y = pd.DataFrame.sparse.from_spmatrix(scipy.sparse.csr_array(dense)), np.resize(task.y, rows)
    ours, theirs = twins(task, **BASE)
    for method in ("fit", "partial_fit"):
        train_both(ours, theirs, X, y, method=method)
    assert_same_model(ours, theirs, X, y, TOLERANCES["float64"])


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "lil", "dok", "dia"])
@pytest.mark.parametrize("backend", ["compiled", "reference"])
@every_solver
def test_sparse_targets_train_as_dense_ones(solver: str, backend: str, form: str) -> None:
    task = TASKS["multioutput"]
    y = np.where(task.y > 0, task.y, 0.0)
    ours, theirs = twins(task, backend, **{**BASE, "solver": solver, "max_iter": 5})
    said(ours.fit, task.X, getattr(scipy.sparse, f"{form}_array")(y))
    said(theirs.fit, task.X, y)
    assert_same_parameters(ours, theirs, TOLERANCES["float64"])


def test_sparse_and_dense_examples_in_turn() -> None:
    task = TASKS["regression"]
    ours, theirs = twins(task, **BASE)
    for X in (task.X, scipy.sparse.csr_array(task.X), task.X):
        train_both(ours, theirs, X, task.y, method="partial_fit")
    assert_same_model(ours, theirs, task.X, task.y, TOLERANCES["float64"])


@pytest.mark.parametrize("container", [scipy.sparse.csr_matrix, scipy.sparse.csr_array])
@every_solver
def test_sparse_label_indicators(solver: str, container: Any) -> None:
    task = TASKS["multilabel"]
    ours, theirs = twins(task, **{**BASE, "solver": solver, "max_iter": 4})
    y = container(task.y)
    refusal = _refusal(theirs, task.X, y)
    if refusal is not None:  # older scikit-learns refuse them
        with pytest.raises(type(refusal)):
            ours.fit(task.X, y)
        return
    said(ours.fit, task.X, y)
    assert_same_history(ours, theirs, TOLERANCES["float64"])
    assert_same_parameters(ours, theirs, TOLERANCES["float64"])
    mine, expected = ours.predict(task.X), theirs.predict(task.X)
    assert type(mine) is type(expected)
    np.testing.assert_array_equal(mine.toarray(), expected.toarray())


def _refusal(model: Any, X: Any, y: Any) -> Exception | None:
    try:
        said(model.fit, X, y)
    except (TypeError, ValueError) as error:
        return error
    return None


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
@pytest.mark.parametrize("weighted", [False, True])
def test_lbfgs_converts_float32_rows_in_parts(
    weighted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loss and gradient of parts add up to those of all rows in float64."""
    task = TASKS["multiclass"]
    X = task.X.astype(np.float32)
    weight = np.linspace(0.5, 2.0, len(X)) if weighted else None
    params = {**BASE, "solver": "lbfgs", "max_iter": 5, "tol": 1e-8}
    monkeypatch.setattr(full_batch, "PART_ROWS", 7)
    parts = ours_for(task, **params)
    whole = ours_for(task, **params)
    parts.fit(X, task.y, weight)
    monkeypatch.setattr(full_batch, "PART_ROWS", len(X))
    whole.fit(X, task.y, weight)
    for ours, expected in zip(parts.coefs_, whole.coefs_, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-6)
