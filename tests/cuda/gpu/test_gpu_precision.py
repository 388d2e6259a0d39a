"""What rounding the operands of a matrix product costs, against float64."""

import numpy as np
import pytest

from gpubackprop.kernels.calls import executed
from gpubackprop.kernels.cuda.device import Rounding
from gpubackprop.kernels.cuda.primitives import Primitives

pytestmark = pytest.mark.gpu


@pytest.fixture
def product(device, memory, rng):
    """A product of matrices that tensor cores take, by rounding, and the same in float64."""
    A, B = (rng.standard_normal((512, 512)).astype(np.float32) for _ in range(2))

    def multiplied(rounding):
        here = [memory.rows(M) for M in (A, B)]
        out = memory.zeros(512 * 512, np.float32).reshape(512, 512)
        executed(Primitives(device, rounding)).weight_grad(here[0].T, here[1], out)
        return memory.read(out)

    return multiplied, A.astype(float) @ B.astype(float)


def error(of, exact):
    return np.linalg.norm(of - exact) / np.linalg.norm(exact)


def test_float32_is_not_rounded(product):
    multiplied, exact = product
    assert error(multiplied(Rounding.NONE), exact) < 1e-5


@pytest.mark.parametrize(("rounding", "most"), [(Rounding.TF32, 1e-2), (Rounding.BF16, 5e-2)])
def test_rounding_is_done_and_costs_little(device, product, rounding, most):
    if device.capability < (8, 0):
        pytest.skip("this processor multiplies float32 in float32 only")
    multiplied, exact = product
    assert error(multiplied(Rounding.NONE), exact) < error(multiplied(rounding), exact) < most
