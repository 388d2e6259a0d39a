"""Calls know their names: those of their arguments, of their primitive, of their layer."""

import numpy as np
import pytest

from gpubackprop.backends.recording import Recording
from gpubackprop.kernels import reference
from gpubackprop.kernels.calls import Call, called, executed, of_layer, parts
from gpubackprop.kernels.compiled import Primitives, kernels
from gpubackprop.kernels.formulas import Activation
from gpubackprop.kernels.protocol import Kernels


def layer_that_does_not_fit():
    A, W, b, out = np.ones((3, 4)), np.ones((5, 2)), np.ones(2), np.ones((3, 2))
    return A, W, b, Activation.TANH, out, out


def test_an_error_says_which_call_of_which_layer_it_was():
    with pytest.raises(ValueError, match="gemm") as told:
        of_layer(kernels, 3).dense(*layer_that_does_not_fit())
    assert told.value.__notes__ == ["in dense, layer 3"]


def test_an_error_in_what_was_recorded_says_it_too():
    recording = Recording()
    of_layer(recording.kernels, 2).dense(*layer_that_does_not_fit())
    (call,) = recording.calls
    with pytest.raises(ValueError, match="gemm") as told:
        list(parts(Primitives(2), call))
    assert told.value.__notes__ == ["in dense, layer 2"]


def test_a_call_outside_of_all_layers_has_the_primitives_name():
    assert str(Call("adam", {})) == "adam"
    with pytest.raises(ValueError, match="gather") as told:
        kernels.gather(np.ones((3, 2)), np.arange(3), np.zeros(1, np.int64), np.ones((3, 1)))
    assert told.value.__notes__ == ["in gather"]


def test_kernels_that_note_no_calls_need_no_layer():
    assert of_layer(reference, 2) is reference


def test_arguments_have_the_protocols_names():
    counter = np.zeros(1, np.int64)
    expected = Call("advance", {"counter": counter, "amount": 4})
    assert called(Kernels, "advance", counter, 4) == called(Primitives, "advance", counter, 4)
    assert called(Kernels, "advance", counter, 4) == expected


@pytest.mark.parametrize("arguments", [(), (1, 2, 3)])
def test_arguments_too_many_or_too_few_are_refused(arguments):
    with pytest.raises(TypeError, match="argument"):
        kernels.advance(*arguments)


def test_another_product_may_be_chosen():
    """Every product of a backend's kernels is made by the one that they were given."""
    made = []

    def noting(A, B, C):
        made.append((A.shape, B.shape, C.shape))
        return Primitives()._product(A, B, C)

    chosen = executed(Primitives(product=noting))
    A, W, delta = np.ones((5, 4)), np.ones((4, 3)), np.ones((5, 3))
    chosen.dense(A, W, np.zeros(3), Activation.RELU, delta, delta)
    chosen.weight_grad(A, delta, W)
    chosen.hidden_delta(delta, W, np.ones((5, 4)), Activation.TANH, A)
    assert made == [
        ((5, 4), (4, 3), (5, 3)),
        ((4, 5), (5, 3), (4, 3)),
        ((5, 3), (3, 4), (5, 4)),
    ]
