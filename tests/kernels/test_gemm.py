"""Products of matrices however they lie, by the pointers and integers that a BLAS is given.

The CPU's BLAS carries them out. Memory around and between the matrices is NaN, and so is C before:
what is read or written out of place shows. Elements are small integers, so results are exact.
"""

from itertools import product
from typing import NamedTuple

import numpy as np
import pytest

from gpubackprop.kernels import blas, gemm, products

ORDERS = list(product([True, False], repeat=3))
"""Whether A, B and C are row-major."""
SHAPES = [(1, 1, 1), (1, 1, 5), (1, 5, 1), (5, 1, 1), (1, 4, 3), (4, 1, 3), (4, 3, 1), (7, 5, 6)]
"""m, k, n."""
GAPS = [(0, 0, 0), (3, 0, 0), (0, 2, 0), (0, 0, 1), (1, 2, 3)]


def lay(values, row_major, gap):
    """A copy of a matrix and the room that it lies in, with a gap after each row (or column)."""
    view = values if row_major else values.T
    room = np.full((len(view) + 2, view.shape[1] + gap), np.nan, values.dtype)
    inside = room[1:-1, : view.shape[1]]
    inside[...] = view
    return inside if row_major else inside.T, room


def integers(rng, *shape, dtype):
    return rng.integers(-4, 5, shape).astype(dtype)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("row_major", ORDERS, ids=str)
def test_products_of_every_order(dtype, rng, row_major, shape):
    m, k, n = shape
    left, right = integers(rng, m, k, dtype=dtype), integers(rng, k, n, dtype=dtype)
    for gaps in GAPS:
        operands = left, right, np.full((m, n), np.nan, dtype)
        (A, room_A), (B, room_B), (C, room_C) = map(lay, operands, row_major, gaps)
        before = room_A.copy(), room_B.copy()
        products.by_blas(A, B, C).run()
        np.testing.assert_array_equal(C, left @ right, err_msg=str(gaps))
        assert np.isnan(room_C).sum() == room_C.size - C.size, gaps
        for room, was in zip((room_A, room_B), before, strict=True):
            np.testing.assert_array_equal(room, was)


def test_transposed_arguments_are_not_copied(dtype, rng):
    """As the algorithm has them: A^T delta and delta W^T."""
    A, delta, W = (integers(rng, *s, dtype=dtype) for s in ((6, 4), (6, 3), (4, 3)))
    grad, error = np.full((4, 3), np.nan, dtype), np.full((6, 4), np.nan, dtype)
    for operands in (A.T, delta, grad), (delta, W.T, error):
        planned = gemm.plan(*operands)
        assert all(np.shares_memory(planned[i], operands[j]) for i, j in ((0, 1), (1, 0), (2, 2)))
        products.by_blas(*operands).run()
    np.testing.assert_array_equal(grad, A.T @ delta)
    np.testing.assert_array_equal(error, delta @ W.T)


def test_single_rows_and_columns_lie_either_way(dtype, rng):
    """A stride that is never taken may be anything."""
    room = integers(rng, 6, 8, dtype=dtype)
    row, column = room[2:3, ::2], room[::2, 3:4]
    assert row.strides[1] != row.itemsize
    for A, B in (row, integers(rng, 4, 3, dtype=dtype)), (integers(rng, 2, 3, dtype=dtype), column):
        C = np.full((len(A), B.shape[1]), np.nan, dtype)
        products.by_blas(A, B, C).run()
        np.testing.assert_array_equal(C, A @ B)


def ones(*shape, dtype=np.float64):
    return np.ones(shape, dtype)


def unfit_strides():
    yield "no unit stride", ones(6, 8)[::2, ::2]
    yield "backwards", ones(3, 4)[::-1]
    yield "columns backwards", ones(3, 4)[:, ::-1]
    yield "one row thrice", np.broadcast_to(ones(1, 4), (3, 4))
    yield "one column four times", np.broadcast_to(ones(3, 1), (3, 4))
    yield "overlapping rows", np.lib.stride_tricks.as_strided(ones(12), (3, 4), (16, 8))
    yield "rows a fraction apart", np.ones(3, [("x", "f8", (4,)), ("y", "f4")])["x"]


UNFIT_STRIDES = dict(unfit_strides())


@pytest.mark.parametrize("M", UNFIT_STRIDES.values(), ids=UNFIT_STRIDES)
def test_a_matrix_without_a_lead_is_refused(M):
    assert M.shape == (3, 4)
    for operands in (
        (M, ones(4, 2), ones(3, 2)),
        (ones(2, 3), M, ones(2, 4)),
        (ones(3, 2), ones(2, 4), M),
    ):
        with pytest.raises(ValueError, match=r"a matrix of shape .* has strides"):
            gemm.plan(*operands)


class Lie(NamedTuple):
    """How a matrix lies that no memory here could hold."""

    shape: tuple[int, int]
    strides: tuple[int, int]
    dtype: np.dtype = np.dtype("f8")
    itemsize: int = 8

    @property
    def T(self):  # noqa: N802
        return self._replace(shape=self.shape[::-1], strides=self.strides[::-1])


@pytest.mark.parametrize(
    ("shape", "strides", "lead"),
    [
        ((3, 1), (8 * (2**31 - 1), 8), 2**31 - 1),
        ((2**31 - 1, 1), (8, 8), 1),
    ],
)
def test_a_blas_counts_in_32_bits(shape, strides, lead):
    long = Lie(shape, strides)
    assert gemm.plan(long, ones(1, 1), long).leads == (1, lead, lead)


def test_the_stride_of_a_single_row_is_not_looked_at():
    assert gemm.plan(Lie((1, 4), (8 * 2**31, 8)), ones(4, 2), ones(1, 2)).leads == (2, 4, 2)


@pytest.mark.parametrize(
    ("shape", "strides"), [((3, 1), (8 * 2**31, 8)), ((2**31, 1), (8, 8))], ids=["lead", "rows"]
)
def test_what_it_cannot_count_is_refused(shape, strides):
    long = Lie(shape, strides)
    for operands in (long, ones(1, 1), long), (ones(1, 1), long.T, long.T):
        with pytest.raises(ValueError, match=r"a matrix of shape .* has strides"):
            gemm.plan(*operands)


UNFIT = {
    "inner extents": (ones(3, 4), ones(5, 2), ones(3, 2)),
    "rows of C": (ones(3, 4), ones(4, 2), ones(4, 2)),
    "columns of C": (ones(3, 4), ones(4, 2), ones(3, 3)),
    "C transposed": (ones(3, 4), ones(4, 2), ones(2, 3)),
    "dtype of A": (ones(3, 4, dtype="f4"), ones(4, 2), ones(3, 2)),
    "dtype of B": (ones(3, 4), ones(4, 2, dtype="f4"), ones(3, 2)),
    "dtype of C": (ones(3, 4), ones(4, 2), ones(3, 2, dtype="f4")),
    "narrower than C": (ones(3, 4, dtype="f2"), ones(4, 2, dtype="f2"), ones(3, 2, dtype="f4")),
}


@pytest.mark.parametrize("operands", UNFIT.values(), ids=UNFIT)
def test_what_does_not_fit_is_refused_by_the_cpu(operands):
    for refusing in gemm.require_product, gemm.plan, blas.gemm_block, products.product:
        with pytest.raises(ValueError, match=r"gemm: .* @ .* into"):
            refusing(*operands)
