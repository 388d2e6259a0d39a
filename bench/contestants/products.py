"""The matrix products of one mini-batch, and memory to run them in."""

from typing import NamedTuple

import numpy as np

from ...algorithm.memory import HOST, Memory
from ...algorithm.parameters import Parameters
from ...algorithm.workspace import Workspace
from ...kernels.formulas import Activation, Formulas, Loss
from ..problems import Array, Problem


class Product(NamedTuple):
    """C = A B."""

    A: Array
    B: Array
    C: Array


def products(
    problem: Problem, dtype: str, memory: Memory = HOST
) -> list[tuple[list[Product], int]]:
    """Products of a whole batch and the number of whole batches; the same of the tail batch."""
    net = Parameters.zeros(problem.layer_sizes, dtype, memory)
    grad = net.zeros_like()
    whole, rest = divmod(problem.rows, problem.batch)
    linear = Activation.IDENTITY, Activation.IDENTITY, Loss.SQUARED_ERROR
    full = Workspace.allocate(net, Formulas(*linear), problem.batch)
    rng = np.random.default_rng(0)
    for array in (*net.W, full.examples, full.layers[-1].delta):
        values = (rng.standard_normal(array.shape) / len(array)).astype(dtype)
        array[...] = memory.rows(values)
    batches = [(_of_batch(full, grad), whole)]
    if rest:
        batches.append((_of_batch(full.first(rest), grad), 1))
    return batches


def _of_batch(ws: Workspace, grad: Parameters) -> list[Product]:
    """In the order of backpropagation."""
    found = [Product(layer.input, layer.W, layer.Z) for layer in ws.layers]
    for l, layer in reversed(list(enumerate(ws.layers))):
        found.append(Product(layer.input.T, layer.delta, grad.W[l]))
        if l > 0:
            found.append(Product(layer.delta, layer.W.T, ws.layers[l - 1].delta))
    return found
