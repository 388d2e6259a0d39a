"""Sparse examples: the first layer's product and its gradient, and what is refused."""

import numpy as np
import pytest
import scipy.sparse

from gpubackprop.kernels import compiled
from gpubackprop.kernels.cuda import primitives as cuda
from gpubackprop.kernels.formulas import Activation
from gpubackprop.kernels.sparse import CSR, SparseRows
from tests.kernels.test_primitives import assert_close, exact, normal, unwritten

N, B, FAN_IN, FAN_OUT = 19, 9, 23, 11
CURSOR = 5


@pytest.fixture
def given(rng, dtype):
    """A mini-batch with empty rows and columns, entries of one place and explicit zeros."""
    row, column = rng.integers(0, N, 150), rng.integers(0, FAN_IN, 150)
    row[row == 3], column[column == 7] = 4, 8
    indptr = np.searchsorted(np.sort(row), np.arange(N + 1))
    data = normal(rng, 150, dtype)
    data[::10] = 0
    matrix = scipy.sparse.csr_array((data, column, indptr), shape=(N, FAN_IN))
    assert not matrix.has_canonical_format
    order, cursor = rng.permutation(N).astype(np.int64), np.array([CURSOR])
    taken = matrix.toarray()[order[CURSOR : CURSOR + B]]
    return SparseRows(CSR.of(matrix, dtype), order, cursor), taken


@pytest.mark.parametrize("apart", [False, True])
def test_rows_times_weights(kernels, dtype, rng, given, apart):
    rows, A = given
    W, b = normal(rng, (FAN_IN, FAN_OUT), dtype), normal(rng, FAN_OUT, dtype)
    Z = unwritten((B, FAN_OUT), dtype)
    out = unwritten((B, FAN_OUT), dtype) if apart else Z
    kernels.sparse_dense(rows, W, b, Activation.RELU, Z, out)
    z = exact(A) @ exact(W) + b
    scale = abs(exact(A)) @ abs(exact(W)) + abs(b) + 1
    assert_close(out, np.maximum(z, 0), scale, dtype)
    if apart:
        assert_close(Z, z, scale, dtype)


def test_gradient_of_the_weights(kernels, dtype, rng, given):
    rows, A = given
    delta, grad_W = normal(rng, (B, FAN_OUT), dtype), unwritten((FAN_IN, FAN_OUT), dtype)
    kernels.sparse_weight_grad(rows, delta, grad_W)
    scale = abs(exact(A)).T @ abs(exact(delta)) + 1
    assert_close(grad_W, exact(A).T @ exact(delta), scale, dtype)
    assert not grad_W[7].any()  # a column without entries


@pytest.mark.parametrize("pieces", [2, 3, 40])
def test_threads_leave_the_same_bits(dtype, rng, given, pieces):
    W, b = normal(rng, (FAN_IN, FAN_OUT), dtype), normal(rng, FAN_OUT, dtype)
    delta = normal(rng, (B, FAN_OUT), dtype)
    found = []
    for divided in (compiled.Primitives(), compiled.Primitives(pieces)):
        out, grad_W = unwritten((B, FAN_OUT), dtype), unwritten((FAN_IN, FAN_OUT), dtype)
        forward = divided.sparse_dense(given[0], W, b, Activation.IDENTITY, out, out)
        stages = [*forward, *divided.sparse_weight_grad(given[0], delta, grad_W)]
        assert len(stages[-1].launches) == min(divided._pieces, FAN_IN)
        for stage in stages:
            for launch in reversed(stage.launches):
                launch.run()
        found.append((out, grad_W))
    for alone, together in zip(*found, strict=True):
        np.testing.assert_array_equal(alone, together)


def test_what_lies_in_memory_already_is_read_in_place():
    matrix = scipy.sparse.random(6, 5, 0.5, format="csr", random_state=0)
    csr = CSR.of(matrix, matrix.dtype)
    assert csr.data is matrix.data
    assert csr.indices is matrix.indices


def test_shapes_and_types_that_do_not_go_together(given, dtype):
    W, Z = np.zeros((FAN_IN + 1, FAN_OUT), dtype), np.zeros((B, FAN_OUT), dtype)
    with pytest.raises(ValueError, match=r"sparse rows of 23 columns, .* \(24, 11\)"):
        compiled.kernels.sparse_dense(given[0], W, Z[0], Activation.IDENTITY, Z, Z)
    with pytest.raises(ValueError, match=r"sparse rows of 23 columns, .* \(24, 11\)"):
        compiled.kernels.sparse_weight_grad(given[0], Z, W)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m.indices.__setitem__(2, 5), r"X.indices must be from 0 to 4, .* to 5"),
        (lambda m: m.indices.__setitem__(2, -1), r"X.indices must be from 0 to 4, .* got -1"),
        (lambda m: m.indptr.__setitem__(-1, 99), r"X.indptr must rise from 0 to at most the 15"),
        (lambda m: m.indptr.__setitem__(1, 14), r"X.indptr must rise from 0 to at most the 15"),
    ],
)
def test_indices_outside_of_the_matrix_are_refused(change, words):
    matrix = scipy.sparse.random(6, 5, 0.5, format="csr", random_state=0)
    change(matrix)
    with pytest.raises(ValueError, match=words):
        CSR.of(matrix, np.float64)


def test_cuda_refuses_by_name(given):
    gpu = cuda.Primitives(device=None)
    with pytest.raises(NotImplementedError, match="sparse_dense: no GPU"):
        gpu.sparse_dense(given[0], None, None, Activation.RELU, None, None)
    with pytest.raises(NotImplementedError, match="sparse_weight_grad: no GPU"):
        gpu.sparse_weight_grad(given[0], None, None)
