"""Rows of the other floating-point type are converted as a batch is gathered."""

import numpy as np
import pytest

from tests.kernels.test_primitives import memory_orders


@pytest.mark.parametrize("given", ["float32", "float64"])
def test_rows_are_rounded_as_numpy_rounds_them(kernels, dtype, rng, given):
    data = rng.standard_normal((9, 5)).astype(given)
    data[:3, 0] = 1 + 2.0**-30, 1e-40, -0.0
    order, cursor = rng.permutation(9).astype(np.int64), np.array([2])
    for name, X in memory_orders(data):
        out = np.full((6, 5), np.nan, dtype)
        kernels.gather(X, order, cursor, out)
        assert np.array_equal(out, data[order[2:8]].astype(dtype)), name
