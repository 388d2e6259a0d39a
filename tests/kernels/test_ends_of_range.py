"""What the primitives make of numbers at the ends of their range."""

import numpy as np
import pytest

from gpubackprop.kernels.formulas import Activation, Loss
from gpubackprop.kernels.optimizers import L2, Adam


def loss_of(kernels, a, y, dtype):
    """Poisson loss of one prediction."""
    A, Y, share = (np.array([[value]], dtype) for value in (a, y, 1))
    total = np.zeros(1)
    kernels.output_delta(A, Y, share, Activation.EXP, Loss.POISSON, np.empty_like(A), total)
    return total[0]


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize(
    ("a", "y", "expected"), [(0, 0, np.nan), (2, 0, 2), (np.inf, 0, np.inf), (np.nan, 0, np.nan)]
)
def test_poisson_loss_where_nothing_is_counted(kernels, dtype, a, y, expected):
    """As `xlogy(y, y / a) - y + a` of SciPy has it: after divergence 0/0 is no number."""
    np.testing.assert_equal(loss_of(kernels, a, y, dtype), expected)


def test_shares_of_weights_whose_sums_reciprocal_overflows(kernels):
    share, decay = np.full((2, 1), 2.0**-1030), np.zeros(1)
    kernels.normalize(share, 0.0, decay)
    np.testing.assert_array_equal(share, 0.5)


@pytest.mark.parametrize("epsilon", [1e-50, 1e-8])
def test_adam_leaves_a_parameter_without_a_gradient_as_it_is(kernels, epsilon):
    theta = np.array([0, 1, 2], np.float32)
    grad, m, v = (np.zeros_like(theta) for _ in range(3))
    one, rate, decay, penalty = np.ones(1, np.int64), np.ones(1), np.zeros(1), np.zeros(1)
    state = Adam(m, v, one, rate, 0.9, 0.999, epsilon)
    kernels.adam(theta, grad, state, L2(0, decay, penalty))
    np.testing.assert_array_equal(theta, [0, 1, 2])
