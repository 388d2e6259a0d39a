"""The fused passes over memory: what each one is called with, and the bytes that it has to move."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...algorithm.memory import Memory, row_length
from ...kernels.formulas import Activation, Loss
from ...kernels.optimizers import L2, SGD, Adam
from ..primitives import Draw
from ..problems import Array

RATES = {"rate": 1e-3, "decay": 1e-6, "penalty": 0.0}
FEW = 4
"""Columns of a matrix that only a product reads; the product is not run."""


class Pass(NamedTuple):
    """One call of a primitive."""

    primitive: str
    arguments: tuple[Any, ...]
    moved: list[Array]
    """Arrays read or written, twice if both: the least that any code moves."""
    products: int = 0
    """Number of launches that are matrix products; they come first and are left out."""

    @property
    def bytes(self) -> int:
        return sum(int(array.nbytes) for array in self.moved)


class Room(NamedTuple):
    """Makes the arrays that a pass works on."""

    draw: Draw
    """Numbers between 0 and 1, in fresh memory of the device."""
    memory: Memory
    rows: int
    columns: int

    def matrix(self) -> Array:
        """Matrix whose rows lie as far apart as those that training works on."""
        lead = row_length(self.columns, np.float32, self.memory)
        return self.draw(self.rows, lead)[:, : self.columns]

    def one(self, value: float, dtype: Any = np.float64) -> Array:
        return self.memory.put(np.full(1, value, dtype))


def gather(room: Room) -> Pass:
    X, out = room.matrix(), room.matrix()
    shuffled = np.random.default_rng(0).permutation(room.rows).astype(np.int64)
    order = room.memory.put(shuffled)
    return Pass("gather", (X, order, room.one(0, np.int64), out), [X, order, out])


def dense(activation: Activation) -> Callable[[Room], Pass]:
    def made(room: Room) -> Pass:
        Z, b = room.matrix(), room.draw(room.columns)
        product = room.draw(room.rows, FEW), room.draw(FEW, room.columns)
        return Pass("dense", (*product, b, activation, Z, Z), [Z, Z, b], products=1)

    return made


def hidden_delta(activation: Activation) -> Callable[[Room], Pass]:
    def made(room: Room) -> Pass:
        out, A, grad_b = room.matrix(), room.matrix(), room.draw(room.columns)
        product = room.draw(room.rows, FEW), room.draw(room.columns, FEW)
        arguments = (*product, A, activation, out, grad_b)
        moved = [out, out, A, grad_b]
        return Pass("hidden_delta_and_bias_grad", arguments, moved, products=1)

    return made


def bias_grad(room: Room) -> Pass:
    delta, grad_b = room.matrix(), room.draw(room.columns)
    return Pass("bias_grad", (delta, grad_b), [delta, grad_b])


def output_delta(activation: Activation, loss: Loss) -> Callable[[Room], Pass]:
    def made(room: Room) -> Pass:
        A, Y, delta = room.matrix(), room.matrix(), room.matrix()
        share, grad_b = room.draw(room.rows, 1), room.draw(room.columns)
        arguments = (A, Y, share, activation, loss, delta, room.one(0), grad_b)
        return Pass("output_delta_and_bias_grad", arguments, [A, Y, share, delta, grad_b])

    return made


def softmax_output_layer(room: Room) -> Pass:
    out, Y, delta = room.matrix(), room.matrix(), room.matrix()
    share, b, grad_b = room.draw(room.rows, 1), room.draw(room.columns), room.draw(room.columns)
    product = room.draw(room.rows, FEW), room.draw(FEW, room.columns)
    arguments = (*product, b, out, Y, share, delta, room.one(0), grad_b)
    moved = [out, out, Y, share, delta, b, grad_b]
    return Pass("softmax_output_layer", arguments, moved, products=1)


def normalize(room: Room) -> Pass:
    share = room.draw(room.rows, 1)
    return Pass("normalize", (share, 1e-4, room.one(0)), [share, share])


def add(room: Room) -> Pass:
    amount, total = _vectors(room, 2)
    return Pass("add", (amount, total), [amount, total, total])


def sgd(room: Room) -> Pass:
    theta, grad, velocity, (rate, decay, penalty) = *_vectors(room, 3), _constants(room)
    arguments = theta, grad, SGD(velocity, rate, 0.9, True), L2(len(theta), decay, penalty)
    return Pass("sgd", arguments, [theta, grad, velocity, velocity, theta])


def adam(room: Room) -> Pass:
    theta, grad, m, v, (rate, decay, penalty) = *_vectors(room, 4), _constants(room)
    state = Adam(m, v, room.one(1, np.int64), rate, 0.9, 0.999, 1e-8)
    arguments = theta, grad, state, L2(len(theta), decay, penalty)
    return Pass("adam", arguments, [theta, grad, m, v, m, v, theta])


def _vectors(room: Room, count: int) -> list[Array]:
    return [room.draw(room.rows * room.columns) for _ in range(count)]


def _constants(room: Room) -> list[Array]:
    return [room.one(value) for value in RATES.values()]


PASSES: dict[str, Callable[[Room], Pass]] = {
    "gather": gather,
    "bias + relu": dense(Activation.RELU),
    "bias + tanh": dense(Activation.TANH),
    "bias + sigmoid": dense(Activation.SIGMOID),
    "bias + softmax": dense(Activation.SOFTMAX),
    "hidden delta + bias gradient, relu": hidden_delta(Activation.RELU),
    "hidden delta + bias gradient, tanh": hidden_delta(Activation.TANH),
    "bias gradient": bias_grad,
    "output delta, cross-entropy": output_delta(Activation.SOFTMAX, Loss.CROSS_ENTROPY),
    "output delta, binary": output_delta(Activation.SIGMOID, Loss.BINARY_CROSS_ENTROPY),
    "output delta, squared error": output_delta(Activation.IDENTITY, Loss.SQUARED_ERROR),
    "normalize": normalize,
    "add": add,
    "SGD": sgd,
    "Adam": adam,
}
"""Passes for any number of columns."""
OUTPUTS: dict[str, Callable[[Room], Pass]] = {
    "output layer, softmax and cross-entropy": softmax_output_layer,
}
"""Passes for at most 32 columns."""
