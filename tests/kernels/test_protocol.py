"""Every kind of kernels has the protocol's functions, with its very signatures."""

from inspect import getmembers, isfunction, signature
from types import ModuleType

import pytest

from gpubackprop.kernels import compiled, reference
from gpubackprop.kernels.cuda import primitives
from gpubackprop.kernels.protocol import Kernels

PRIMITIVES = [name for name, _ in getmembers(Kernels, isfunction) if not name.startswith("_")]


def parameters(function):
    """Names, kinds, defaults and annotations, in order."""
    return [p for p in signature(function).parameters.values() if p.name != "self"]


def violations(module):
    """How a module differs from the protocol, a line each."""
    for name in PRIMITIVES:
        expected = parameters(getattr(Kernels, name))
        if not callable(getattr(module, name, None)):
            yield f"{name} is missing"
        elif (actual := parameters(getattr(module, name))) != expected:
            yield f"{name}({', '.join(map(str, actual))})"


@pytest.mark.parametrize("kernels", [reference, compiled.Primitives, primitives.Primitives])
def test_kernels_have_the_protocols_signatures(kernels):
    assert list(violations(kernels)) == []


def test_protocol_lists_the_algorithms_primitives():
    assert set(PRIMITIVES) == {
        *("gather", "advance", "add", "all_reduce", "normalize"),
        *("dense", "output_delta", "hidden_delta", "weight_grad", "bias_grad"),
        *("dense_and_slope", "sparse_dense", "sparse_weight_grad"),
        *("dropout", "dropout_delta"),
        *("clip", "sgd", "adam", "rmsprop", "lion"),
    }


def test_reference_has_nothing_else():
    own = {
        name
        for name, function in getmembers(reference, isfunction)
        if function.__module__ == reference.__name__ and not name.startswith("_")
    }
    assert own == set(PRIMITIVES)


def renamed(delta: "Array", grad_bias: "Array") -> None:  # noqa: F821
    """bias_grad with another name for its output."""


def swapped(grad_b: "Array", delta: "Array") -> None:  # noqa: F821
    """bias_grad with its parameters exchanged."""


def retyped(counter: float, amount: int) -> None:
    """advance with another annotation."""


@pytest.mark.parametrize(
    ("name", "replacement"),
    [
        ("bias_grad", renamed),
        ("bias_grad", swapped),
        ("advance", retyped),
        ("advance", lambda counter, amount=1: None),
        ("adam", None),
    ],
)
def test_a_module_that_differs_is_caught(name, replacement):
    module = ModuleType("made_up")
    module.__dict__.update({p: getattr(reference, p) for p in PRIMITIVES})
    assert list(violations(module)) == []
    setattr(module, name, replacement)
    (found,) = violations(module)
    assert found.startswith(name)
