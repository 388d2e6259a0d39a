"""What a recorded step calls one after the other is joined where one pass can do it."""

import numpy as np
import pytest

from gpubackprop.backends.cuda.fusion import fuse
from gpubackprop.kernels.calls import called
from gpubackprop.kernels.cuda.primitives import Primitives
from gpubackprop.kernels.formulas import Activation, Loss

A, Y, W, delta, other, grad, grad_b, share, total = (np.zeros((1, 1)) for _ in range(9))


def call(name, *arguments, layer=3):
    return called(Primitives, name, *arguments)._replace(layer=layer)


def producers():
    """Calls that write an error, with what finds its bias gradient too."""
    output = A, Y, share, Activation.SOFTMAX, Loss.CROSS_ENTROPY, delta, total
    yield "output_delta", output, "output_delta_and_bias_grad"
    hidden = other, W, A, Activation.TANH, delta
    yield "hidden_delta", hidden, "hidden_delta_and_bias_grad"


def same(calls, expected):
    """Whether two lists of calls have the same primitives and the very same arguments."""
    one, another = (
        [(p, layer, {name: id(each) for name, each in a.items()}) for p, a, layer in listed]
        for listed in (calls, expected)
    )
    return one == another


def test_an_error_and_its_bias_gradient_become_one_call():
    for primitive, arguments, both in producers():
        between = call("weight_grad", A, delta, grad, layer=2)
        bias = call("bias_grad", delta, grad_b, layer=2)
        calls = [call(primitive, *arguments), between, bias]
        assert same(fuse(calls), [call(both, *arguments, grad_b), between])


@pytest.mark.parametrize(("classes", "fits"), [(1, True), (32, True), (33, False)])
def test_a_softmax_is_fused_where_a_warp_holds_a_row(classes, fits):
    out, mine = (np.zeros((1, classes)) for _ in range(2))
    dense = call("dense", A, W, grad_b, Activation.SOFTMAX, out, out)
    output = out, Y, share, Activation.SOFTMAX, Loss.CROSS_ENTROPY, mine, total
    between, bias = call("weight_grad", A, mine, grad), call("bias_grad", mine, grad_b)
    fused = fuse([dense, call("output_delta", *output), between, bias])
    together = A, W, grad_b, out, Y, share, mine, total, grad_b
    one_pass = [call("softmax_output_layer", *together), between]
    two_passes = [dense, call("output_delta_and_bias_grad", *output, grad_b), between]
    assert same(fused, one_pass if fits else two_passes)


@pytest.mark.parametrize(
    ("activation", "Z", "read"),
    [(Activation.TANH, A, A), (Activation.SOFTMAX, other, A), (Activation.SOFTMAX, A, other)],
    ids=["no softmax", "Z kept apart", "another layer's output"],
)
def test_only_the_softmax_of_the_output_is_fused(activation, Z, read):
    dense = call("dense", Y, W, grad_b, activation, Z, A)
    output = read, Y, share, Activation.SOFTMAX, Loss.CROSS_ENTROPY, delta, total
    between, bias = call("weight_grad", A, delta, grad), call("bias_grad", delta, grad_b)
    two_passes = [dense, call("output_delta_and_bias_grad", *output, grad_b), between]
    assert same(fuse([dense, call("output_delta", *output), between, bias]), two_passes)


def test_nothing_else_is_fused():
    for primitive, arguments, _ in producers():
        error, between = call(primitive, *arguments), call("weight_grad", A, delta, grad)
        bias = call("bias_grad", delta, grad_b)
        for calls in (
            [error, between, call("bias_grad", other, grad_b)],  # of another error
            [error, call("advance", total, 1), bias],  # which may change the error
            [error, bias],
            [between, error, bias],
            [bias, between],
            [bias],
        ):
            assert same(fuse(calls), calls)
