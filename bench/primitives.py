"""One call of each primitive that takes time, on arrays as a layer of training has them."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..kernels.formulas import Activation, Loss
from ..kernels.optimizers import L2, SGD, Adam
from .problems import Array


class Shape(NamedTuple):
    """One layer of a network and its mini-batch."""

    batch: int
    fan_in: int
    fan_out: int
    calls: int
    """Calls in one measurement, so that Python's own call is not what is measured."""


SHAPES = {"tiny": Shape(32, 20, 32, calls=500), "mid": Shape(256, 256, 128, calls=50)}


class Draw(Protocol):
    """Draws an array of normal numbers."""

    def __call__(self, *shape: int) -> Array: ...


class Call(NamedTuple):
    """A primitive with its arguments, and what any implementation has to do at the least."""

    primitive: str
    arguments: tuple[Any, ...]
    passes: tuple[Array, ...]
    """Arrays that are read or written, twice where they are both."""
    flops: int

    @property
    def bytes(self) -> int:
        """That have to be moved."""
        return sum(array.nbytes for array in self.passes)


def gather(draw: Draw, shape: Shape) -> Call:
    """The rows of a mini-batch."""
    X, out = draw(64 * shape.batch, shape.fan_in), draw(shape.batch, shape.fan_in)
    order = np.random.default_rng(0).permutation(len(X))
    return Call("gather", (X, order, np.zeros(1, dtype=np.int64), out), (out, out), 0)


def dense(draw: Draw, shape: Shape, activation: Activation) -> Call:
    """The forward pass of a layer: matrix product, bias, activation."""
    A, b = draw(shape.batch, shape.fan_in), draw(shape.fan_out)
    W, Z = draw(shape.fan_in, shape.fan_out), draw(shape.batch, shape.fan_out)
    flops = 2 * shape.batch * W.size + Z.size
    return Call("dense", (A, W, b, activation, Z, Z), (A, W, b, Z), flops)


def output_delta(draw: Draw, shape: Shape, activation: Activation, loss: Loss) -> Call:
    """The output error and the loss, of `fan_out` outputs."""
    A = np.abs(draw(shape.batch, shape.fan_out))
    A /= A.sum() + 1
    Y, delta = np.zeros_like(A), np.zeros_like(A)
    Y[:, 0] = 1
    share = np.full((shape.batch, 1), 1 / shape.batch, dtype=A.dtype)
    arguments = (A, Y, share, activation, loss, delta, np.zeros(1))
    return Call("output_delta", arguments, (A, Y, share, delta), 5 * A.size)


def hidden_delta(draw: Draw, shape: Shape, activation: Activation) -> Call:
    """The error pulled back through a layer."""
    delta, W = draw(shape.batch, shape.fan_out), draw(shape.fan_in, shape.fan_out)
    A = np.tanh(draw(shape.batch, shape.fan_in))
    out = np.empty_like(A)
    flops = 2 * shape.batch * W.size + 3 * A.size
    return Call("hidden_delta", (delta, W, A, activation, out), (delta, W, A, out), flops)


def weight_grad(draw: Draw, shape: Shape) -> Call:
    """The gradient of a layer's weights."""
    A, delta = draw(shape.batch, shape.fan_in), draw(shape.batch, shape.fan_out)
    grad = draw(shape.fan_in, shape.fan_out)
    return Call("weight_grad", (A, delta, grad), (A, delta, grad), 2 * shape.batch * grad.size)


def bias_grad(draw: Draw, shape: Shape) -> Call:
    """The gradient of a layer's biases."""
    delta, grad = draw(shape.batch, shape.fan_out), draw(shape.fan_out)
    return Call("bias_grad", (delta, grad), (delta, grad), delta.size)


def sgd(draw: Draw, shape: Shape, nesterov: bool) -> Call:
    """A step of gradient descent with momentum over a layer's weights."""
    size = shape.fan_in * shape.fan_out
    theta, velocity, grad = draw(size), draw(size), draw(size)
    rate, decay, penalty = np.full(1, 1e-4), np.full(1, 1e-6), np.zeros(1)
    arguments = theta, grad, SGD(velocity, rate, 0.9, nesterov), L2(size, decay, penalty)
    passes = (theta, theta, velocity, velocity, grad)
    return Call("sgd", arguments, passes, (10 if nesterov else 8) * size)


def adam(draw: Draw, shape: Shape) -> Call:
    """A step of Adam over a layer's weights."""
    size = shape.fan_in * shape.fan_out
    theta, grad, m, v = draw(size), draw(size), draw(size), draw(size) ** 2
    t, rate, decay, penalty = np.ones(1, dtype=np.int64), *np.split(np.array([1e-3, 1e-6, 0]), 3)
    arguments = theta, grad, Adam(m, v, t, rate, 0.9, 0.999, 1e-8), L2(size, decay, penalty)
    return Call("adam", arguments, (theta, theta, m, m, v, v, grad), 16 * size)


def _of_outputs(
    outputs: int, make: Callable[..., Call], *variant: Activation | Loss
) -> Callable[[Draw, Shape], Call]:
    """Make a call for a layer of `outputs` outputs."""
    return lambda draw, shape: make(draw, shape._replace(fan_out=outputs), *variant)


CALLS: dict[str, Callable[[Draw, Shape], Call]] = {
    "gather": gather,
    "dense, relu": partial(dense, activation=Activation.RELU),
    "dense, sigmoid": partial(dense, activation=Activation.SIGMOID),
    "dense, tanh": partial(dense, activation=Activation.TANH),
    "dense, softmax of 3": _of_outputs(3, dense, Activation.SOFTMAX),
    "dense, softmax of 10": _of_outputs(10, dense, Activation.SOFTMAX),
    "output_delta, cross-entropy": _of_outputs(
        10, output_delta, Activation.SOFTMAX, Loss.CROSS_ENTROPY
    ),
    "output_delta, binary": _of_outputs(
        1, output_delta, Activation.SIGMOID, Loss.BINARY_CROSS_ENTROPY
    ),
    "output_delta, squared error": _of_outputs(
        1, output_delta, Activation.IDENTITY, Loss.SQUARED_ERROR
    ),
    "hidden_delta, relu": partial(hidden_delta, activation=Activation.RELU),
    "hidden_delta, sigmoid": partial(hidden_delta, activation=Activation.SIGMOID),
    "hidden_delta, tanh": partial(hidden_delta, activation=Activation.TANH),
    "weight_grad": weight_grad,
    "bias_grad": bias_grad,
    "sgd, Nesterov": partial(sgd, nesterov=True),
    "sgd, momentum": partial(sgd, nesterov=False),
    "adam": adam,
}
"""What the micro-benchmarks and the roofline time; the first of each primitive stands for it."""
