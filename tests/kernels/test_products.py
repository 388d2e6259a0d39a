"""Small products in tiles of registers: what they compute, and which products are made so."""

import numpy as np
import pytest

from gpubackprop.kernels import build, products
from gpubackprop.kernels.blas_library import Library, library
from gpubackprop.kernels.native import targets
from gpubackprop.kernels.native.targets import VECTOR_BYTES, Target

needs_wide_vectors = pytest.mark.skipif(
    not targets.own_target().has_wide_vectors, reason="tiles are for AVX-512"
)
ROWS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 17)
"""None, each height of a tile, one more, and two tiles with a rest."""
TERMS = (0, 1, 2, 7)


def widths(dtype):
    """One column, and each number of vectors that is divided otherwise, with a rest and whole."""
    lanes = VECTOR_BYTES // dtype.itemsize
    return [1, *(n for vectors in range(1, 10) for n in (vectors * lanes - 3, vectors * lanes))]


def integers(rng, m, n, dtype, by_rows=True):
    """Small ones, so that sums are exact, one element off any vector's boundary."""
    room = np.full(m * n + 2, np.nan, dtype)
    inside = room[1:-1].reshape(m, n) if by_rows else room[1:-1].reshape(n, m).T
    inside[...] = rng.integers(-4, 5, (m, n))
    return inside


@needs_wide_vectors
@pytest.mark.parametrize("B_by_rows", [True, False], ids=["B by rows", "B by columns"])
@pytest.mark.parametrize("A_by_rows", [True, False], ids=["A by rows", "A by columns"])
def test_products_of_all_tiles(dtype, rng, A_by_rows, B_by_rows):
    for n in widths(dtype):
        for m in ROWS:
            for k in TERMS:
                A = integers(rng, m, k, dtype, A_by_rows)
                B = integers(rng, k, n, dtype, B_by_rows)
                room = np.full((m + 2, n + 3), np.nan, dtype)
                C = room[1:-1, 1:-2]
                products.in_tiles(A, B, C).run()
                np.testing.assert_array_equal(C, A @ B, err_msg=f"{m} x {n}, {k} terms")
                assert np.isnan(room).sum() == room.size - C.size, (m, n, k)


@needs_wide_vectors
def test_an_element_does_not_depend_on_how_the_product_is_divided(dtype, rng):
    A, B = (rng.standard_normal(shape).astype(dtype) for shape in ((50, 40), (40, 90)))
    whole, parts = np.empty((50, 90), dtype), np.empty((50, 90), dtype)
    products.in_tiles(A, B, whole).run()
    for rows in slice(0, 13), slice(13, 50):
        for columns in slice(0, 37), slice(37, 90):
            products.in_tiles(A[rows], B[:, columns], parts[rows, columns]).run()
    np.testing.assert_array_equal(parts, whole)
    np.testing.assert_allclose(whole, A @ B, rtol=0, atol=100 * np.finfo(dtype).eps)


@needs_wide_vectors
def test_what_is_not_finite_stays_in_its_row(dtype):
    A, B = np.ones((9, 5), dtype), np.ones((5, 21), dtype)
    A[3, 2], B[4, 20] = np.nan, np.inf
    C = np.empty((9, 21), dtype)
    products.in_tiles(A, B, C).run()
    assert np.isnan(C[3]).all()
    assert np.isinf(np.delete(C, 3, axis=0)[:, 20]).all()
    assert (np.delete(C, 3, axis=0)[:, :20] == 5).all()


def test_tiles_do_not_multiply_what_does_not_fit():
    with pytest.raises(ValueError, match=r"gemm: .* @ .* into"):
        products.in_tiles(np.ones((3, 4)), np.ones((5, 16)), np.ones((3, 16)))


# which products are made so


def chosen(m, k, n, A_by_rows=True, B_by_rows=True, C_by_rows=True):
    """What multiplies float32 matrices, by the name of its machine code."""
    orders = zip(((m, k), (k, n), (m, n)), (A_by_rows, B_by_rows, C_by_rows), strict=True)
    made = [np.zeros(shape, np.float32, "C" if by_rows else "F") for shape, by_rows in orders]
    return products.product(*made).name.partition("_")[0]


@needs_wide_vectors
def test_the_layers_of_a_small_network_are_tiled():
    """Of 64 features, 100 hidden units and 10 classes, in batches of 200."""
    assert chosen(200, 64, 100) == "multiply"
    assert chosen(200, 100, 10) == "multiply"
    assert chosen(200, 10, 100, B_by_rows=False) == "multiply"
    assert chosen(64, 200, 100, A_by_rows=False) == "multiply"


@needs_wide_vectors
def test_many_rows_are_tiled_where_the_other_matrix_is_small():
    assert chosen(256, 256, 256) == chosen(1024, 128, 128) == "multiply"
    assert chosen(257, 256, 256) == chosen(1025, 128, 128) == "gemm"


@pytest.mark.parametrize(
    "product",
    [
        {"m": 1025, "k": 64, "n": 64},
        {"m": 64, "k": 257, "n": 64},
        {"m": 64, "k": 64, "n": 257},
        {"m": 64, "k": 64, "n": 9},
        {"m": 64, "k": 64, "n": 20, "A_by_rows": False},
        {"m": 32, "k": 21, "n": 64, "B_by_rows": False},
        {"m": 64, "k": 200, "n": 64, "B_by_rows": False},
        {"m": 64, "k": 64, "n": 64, "C_by_rows": False},
    ],
    ids=str,
)
def test_the_blas_multiplies_the_rest(product):
    assert chosen(**product) == "gemm"


def test_the_blas_multiplies_on_other_processors(monkeypatch):
    monkeypatch.setattr(products, "own_target", lambda: Target("x86-64-v3"))
    assert chosen(200, 64, 100) == "gemm"


def test_a_blas_of_the_users_choice_multiplies_all(monkeypatch):
    named = Library(library().routines, "libblas.so")
    monkeypatch.setattr(products, "library", lambda: named)
    assert chosen(200, 64, 100) == "gemm"


def test_a_wheel_has_tiles_for_the_processors_that_run_them():
    texts = {kernel.name(real): "" for kernel, real in build.KERNELS}
    tiles = {"multiply_float32", "multiply_float64"}
    assert build.run_by(Target("x86-64-v4"), texts) == texts
    for other in "x86-64-v3", "generic":
        assert set(texts) - set(build.run_by(Target(other), texts)) == tiles
