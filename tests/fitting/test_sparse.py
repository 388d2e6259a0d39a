"""Sparse X trains as the same numbers in a dense array; `test_inputs` has scikit-learn's."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse

from .agreement import (
    TASKS,
    TOLERANCES,
    WEIGHTS,
    Params,
    assert_bitwise_equal,
    assert_same_model,
    assert_same_parameters,
    ours_for,
    said,
)

BASE: Params = {"hidden_layer_sizes": (6, 5), "batch_size": 16, "random_state": 0, "max_iter": 6}


def thinned(task: str, dtype: str = "float64") -> Any:
    """Examples of a task with two thirds of zeros."""
    X = TASKS[task].X
    return np.where(np.abs(X) > 0.9, X, 0.0).astype(dtype)


def wide_indices(X: Any) -> Any:
    """Store columns and row starts in 64 bits."""
    csr = scipy.sparse.csr_array(X)
    csr.indices, csr.indptr = csr.indices.astype(np.int64), csr.indptr.astype(np.int64)
    return csr


def uncombined(X: Any) -> Any:
    """Halve every entry and store it twice, columns backwards, with zeros between."""
    csr = scipy.sparse.csr_matrix(X)
    data = np.column_stack([csr.data / 2, csr.data * 0, csr.data / 2]).ravel()[::-1]
    starts = 3 * (csr.nnz - csr.indptr[::-1])
    backwards = (data, np.repeat(csr.indices[::-1], 3), starts)
    return scipy.sparse.csr_matrix(backwards, shape=X.shape)[::-1]


def read_only(X: Any) -> Any:
    """Forbid writing to all three arrays."""
    csr = scipy.sparse.csr_array(X)
    for array in (csr.data, csr.indices, csr.indptr):
        array.flags.writeable = False
    return csr


@pytest.mark.parametrize(
    ("stored", "dtype", "backend"),
    [
        (wide_indices, "float64", "compiled"),
        (uncombined, "float64", "compiled"),
        (uncombined, "float64", "reference"),
        (read_only, "float64", "compiled"),
        (read_only, "float32", "compiled"),
        (scipy.sparse.csc_matrix, "float32", "reference"),
    ],
)
def test_any_storage_trains_as_dense_rows(stored: Any, dtype: str, backend: str) -> None:
    task, X = TASKS["multiclass"], thinned("multiclass", dtype)
    sparse, dense = (ours_for(task, backend=backend, **BASE) for _ in range(2))
    rows = stored(X)
    np.testing.assert_array_equal(rows.toarray(), X)
    said(sparse.fit, rows, task.y)
    said(dense.fit, X, task.y)
    assert_same_model(sparse, dense, X, task.y, TOLERANCES[dtype])
    assert {a.dtype for a in sparse.coefs_} == {np.dtype(dtype)}
    np.testing.assert_allclose(sparse.predict_proba(rows), dense.predict_proba(X), rtol=1e-5)


OPTIONS: dict[str, tuple[str, Params]] = {
    "dropped": ("multiclass", {"dropout": (0.0, 0.5, 0.3), "label_smoothing": 0.1}),
    "checkpoint": ("binary", {"checkpoint": 2, "hidden_layer_sizes": (6, 5, 4, 3)}),
    "robust": ("regression", {"loss": "huber", "activation": "gelu", "clip_norm": 0.1}),
    "stopping": ("multilabel", {"early_stopping": True, "solver": "nadam", "schedule": "cosine"}),
    "narrow": ("regression", {"precision": "float32", "weight_decay": 0.1}),
}


@pytest.mark.parametrize("options", OPTIONS)
def test_options_mean_what_they_mean_of_dense_rows(options: str) -> None:
    name, own = OPTIONS[options]
    task, X = TASKS[name], thinned(name)
    sparse, dense = (ours_for(task, backend="compiled", **{**BASE, **own}) for _ in range(2))
    rows = scipy.sparse.csr_array(X)
    said(sparse.fit, rows, task.y, sample_weight=WEIGHTS)
    said(dense.fit, X, task.y, sample_weight=WEIGHTS)
    tolerance = TOLERANCES[own.get("precision", "float64")]
    assert_same_parameters(sparse, dense, tolerance)
    np.testing.assert_allclose(sparse.loss_curve_, dense.loss_curve_, rtol=1e-5)
    np.testing.assert_allclose(sparse.predict(rows), dense.predict(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("way", ["partial_fit", "warm_start"])
def test_training_goes_on(way: str) -> None:
    task, X = TASKS["regression"], thinned("regression")
    sparse, dense = (
        ours_for(task, backend="compiled", **BASE, warm_start=way == "warm_start") for _ in range(2)
    )
    method = "fit" if way == "warm_start" else way
    for rows in (slice(None), slice(0, 40), slice(20, None)):
        said(getattr(sparse, method), scipy.sparse.csr_array(X)[rows], task.y[rows])
        said(getattr(dense, method), X[rows], task.y[rows])
    assert_same_parameters(sparse, dense, TOLERANCES["float64"])


def test_examples_are_left_as_they_are() -> None:
    X = uncombined(thinned("binary"))
    before = [array.copy() for array in (X.data, X.indices, X.indptr)]
    said(ours_for(TASKS["binary"], **BASE).fit, X, TASKS["binary"].y)
    for array, copy in zip((X.data, X.indices, X.indptr), before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_many_rows_predict_the_same_in_blocks() -> None:
    """Activations that scikit-learn lacks: the prediction is ours, and divided."""
    task, X = TASKS["multiclass"], thinned("multiclass")
    model = ours_for(task, **BASE, activation="silu")
    said(model.fit, X, task.y)
    many = np.resize(X, (30_000, X.shape[1]))
    predicted = model.predict_proba(scipy.sparse.csc_array(many))
    np.testing.assert_allclose(predicted, model.predict_proba(many), rtol=1e-12)


def test_inputs_are_not_dropped_of_sparse_rows() -> None:
    task = TASKS["binary"]
    model = ours_for(task, **BASE, dropout=(0.2, 0.0, 0.0))
    with pytest.raises(
        ValueError, match=r"dropout=\(0\.2, 0\.0, 0\.0\) drops inputs, .*X\.toarray"
    ):
        model.fit(scipy.sparse.csr_array(task.X), task.y)


def test_a_broken_matrix_is_refused() -> None:
    task = TASKS["regression"]
    rows = scipy.sparse.csr_array(task.X)
    rows.indices[3] = rows.shape[1]
    with pytest.raises(ValueError, match=r"X\.indices must be from 0 to"):
        ours_for(task, **BASE).fit(rows, task.y)


def test_a_repeated_fit_has_the_same_bits() -> None:
    task, rows = TASKS["binary"], scipy.sparse.csr_array(thinned("binary"))
    first, second = (ours_for(task, backend="compiled", **BASE) for _ in range(2))
    said(first.fit, rows, task.y)
    said(second.fit, rows, task.y)
    assert_bitwise_equal(first, second)
