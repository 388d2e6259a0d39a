"""Calls that are alike share their preparation, and compute what they computed without it."""

import numpy as np
import pytest

from gpubackprop.algorithm.parameters import Parameters
from gpubackprop.algorithm.workspace import Workspace
from gpubackprop.backends.recording import Recording
from gpubackprop.backprop import bind
from gpubackprop.kernels import alike
from gpubackprop.kernels.alike import undivided
from gpubackprop.kernels.compiled import kernels
from gpubackprop.kernels.formulas import Activation, Formulas, Loss

ROWS = 6


class Network:
    """Layers of equal widths between two of others, with weights, examples and targets."""

    def __init__(self, sizes, activation, checkpoint, dtype):
        formulas = Formulas(activation, Activation.SOFTMAX, Loss.CROSS_ENTROPY)
        rng = np.random.default_rng(0)
        self.net = Parameters.zeros(sizes, dtype)
        self.net.theta[:] = rng.uniform(-1, 1, self.net.theta.size)
        self.grad = self.net.zeros_like()
        self.ws = Workspace.allocate(self.net, formulas, ROWS, checkpoint)
        self.ws.examples[...] = rng.standard_normal((ROWS, sizes[0]))
        self.ws.Y[...] = np.eye(sizes[-1])[rng.integers(sizes[-1], size=ROWS)]

    def pass_through(self, k):
        """Forward and backward."""
        algorithm = bind(k)
        algorithm.forward(self.ws.layers)
        algorithm.backward(self.ws, self.grad)

    def calls(self):
        recording = Recording()
        self.pass_through(recording.kernels)
        return recording.calls


@pytest.mark.parametrize("checkpoint", [None, 2])
@pytest.mark.parametrize("activation", [Activation.RELU, Activation.SILU])
def test_layers_that_are_alike_and_others(activation, checkpoint, dtype):
    # 200 columns: a bias gradient by a loop instead of a product
    sizes = (3, 5, 5, 5, 5, 200, 200, 200, 4)
    called, replayed = (Network(sizes, activation, checkpoint, dtype) for _ in range(2))
    launches = undivided(replayed.calls())
    called.pass_through(kernels)
    for launch in launches:
        launch.run()
    np.testing.assert_array_equal(replayed.grad.theta, called.grad.theta)
    assert np.abs(called.grad.theta).max() > 1e-3
    assert replayed.ws.loss == called.ws.loss


def test_a_deeper_network_prepares_no_more(monkeypatch):
    prepared = []

    def counted(primitives, call):
        prepared.append(call)
        return parts(primitives, call)

    parts = alike.parts
    monkeypatch.setattr(alike, "parts", counted)
    numbers = []
    for depth in (4, 40):
        prepared.clear()
        undivided(Network((3, *(5,) * depth, 2), Activation.TANH, None, np.float64).calls())
        numbers.append(len(prepared))
    assert numbers[0] == numbers[1] > 0


def test_arrays_that_are_one_or_two_are_told_apart(dtype, monkeypatch):
    monkeypatch.setattr(alike, "FEW_LAYERS", 0)
    A, W, b = np.ones((2, 3), dtype), np.ones((3, 3), dtype), np.zeros(3, dtype)
    recording = Recording()
    Z, out, both = (np.zeros((2, 3), dtype) for _ in range(3))
    for places in ((both, both), (Z, out)):
        recording.kernels.of_layer(1).dense(A, W, b, Activation.TANH, *places)
    for launch in undivided(recording.calls):
        launch.run()
    np.testing.assert_array_equal(Z, 3)
    np.testing.assert_allclose(out, np.tanh(3), rtol=1e-6)
    np.testing.assert_array_equal(both, out)
