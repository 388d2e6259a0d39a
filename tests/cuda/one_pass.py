"""Test bodies of what one pass does on a GPU only, for the simulator and for the real thing."""

import numpy as np
import pytest

from gpubackprop.kernels import reference
from gpubackprop.kernels.formulas import Activation, Loss
from tests.kernels.test_primitives import assert_close, normal, targets, unwritten


def output_layer(A, W, b, Y, share):
    """What the reference makes of a softmax layer, one primitive after the other, in float64."""
    A, W, b, Y, share = (M.astype(np.float64) for M in (A, W, b, Y, share))
    out, delta = unwritten((2, *Y.shape), np.float64)
    total, grad_b = np.array([3.5]), unwritten(len(b), np.float64)
    reference.dense(A, W, b, Activation.SOFTMAX, out, out)
    pairing = Activation.SOFTMAX, Loss.CROSS_ENTROPY
    reference.output_delta(out, Y, share, *pairing, delta, total)
    reference.bias_grad(delta, grad_b)
    return out, delta, total, grad_b


@pytest.mark.parametrize(("B", "k"), [(1, 16), (8, 2), (33, 31), (250, 1), (250, 32)])
def test_softmax_output_layer(kernels, dtype, rng, B, k):
    """A lane a column, up to a whole warp of them; a warp a row, a block's and several blocks'."""
    A, W, b = normal(rng, (B, 3), dtype), normal(rng, (3, k), dtype, 0.5), normal(rng, k, dtype)
    Y = targets(rng, Loss.CROSS_ENTROPY, B, k).astype(dtype)
    share = rng.uniform(0, 1, (B, 1)).astype(dtype)
    out, delta = unwritten((2, B, k), dtype)
    total, grad_b = np.array([3.5]), unwritten(k, dtype)
    kernels.softmax_output_layer(A, W, b, out, Y, share, delta, total, grad_b)

    a, error, losses, sums = output_layer(A, W, b, Y, share)
    terms = np.abs(A) @ np.abs(W) + np.abs(b) + a + Y
    assert_close(out, a, terms, dtype)
    assert_close(delta, error, terms * share, dtype)
    assert_close(grad_b, sums, (terms * share).sum(axis=0), dtype)
    assert_close(total, losses, 3.5 + (terms * (1 - np.log(a)) * share).sum(), dtype)
