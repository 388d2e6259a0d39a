"""What a recorded step calls one after the other is joined where one pass can do it."""

import numpy as np
import pytest

from gpubackprop.backends.cuda.fusion import fuse
from gpubackprop.kernels.cuda.primitives import Primitives
from gpubackprop.kernels.formulas import Activation, Loss
from tests.cuda.asked import Listener


@pytest.fixture
def kernels():
    return Primitives(Listener())


A, Y, W, delta, other, grad, grad_b, share, total = (np.zeros((1, 1)) for _ in range(9))


def producers(kernels):
    """Calls that write an error, with what finds its bias gradient too."""
    output = A, Y, share, Activation.SOFTMAX, Loss.CROSS_ENTROPY, delta, total
    yield kernels.output_delta, output, kernels.output_delta_and_bias_grad
    hidden = other, W, A, Activation.TANH, delta
    yield kernels.hidden_delta, hidden, kernels.hidden_delta_and_bias_grad


def same(calls, expected):
    """Whether two lists of calls have the same primitives and the very same arguments."""
    return [(p, *map(id, a)) for p, a in calls] == [(p, *map(id, a)) for p, a in expected]


def test_an_error_and_its_bias_gradient_become_one_call(kernels):
    for primitive, arguments, both in producers(kernels):
        between = kernels.weight_grad, (A, delta, grad)
        calls = [(primitive, arguments), between, (kernels.bias_grad, (delta, grad_b))]
        assert same(fuse(calls, kernels), [(both, (*arguments, grad_b)), between])


@pytest.mark.parametrize(("classes", "fits"), [(1, True), (32, True), (33, False)])
def test_a_softmax_is_fused_where_a_warp_holds_a_row(kernels, classes, fits):
    out, mine = (np.zeros((1, classes)) for _ in range(2))
    dense = kernels.dense, (A, W, grad_b, Activation.SOFTMAX, out, out)
    output = out, Y, share, Activation.SOFTMAX, Loss.CROSS_ENTROPY, mine, total
    between, bias = (kernels.weight_grad, (A, mine, grad)), (kernels.bias_grad, (mine, grad_b))
    fused = fuse([dense, (kernels.output_delta, output), between, bias], kernels)
    together = A, W, grad_b, out, Y, share, mine, total, grad_b
    one_pass = [(kernels.softmax_output_layer, together), between]
    two_passes = [dense, (kernels.output_delta_and_bias_grad, (*output, grad_b)), between]
    assert same(fused, one_pass if fits else two_passes)


def test_nothing_else_is_fused(kernels):
    for primitive, arguments, _ in producers(kernels):
        error, between = (primitive, arguments), (kernels.weight_grad, (A, delta, grad))
        bias = kernels.bias_grad, (delta, grad_b)
        for calls in (
            [error, between, (kernels.bias_grad, (other, grad_b))],  # of another error
            [error, (kernels.advance, (total, 1)), bias],  # which may change the error
            [error, bias],
            [between, error, bias],
            [bias, between],
            [bias],
        ):
            assert same(fuse(calls, kernels), calls)
