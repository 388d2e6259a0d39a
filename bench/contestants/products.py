"""The matrix products of one mini-batch, and memory to run them in."""

from typing import NamedTuple

import numpy as np

from ...algorithm.memory import HOST, Memory
from ...algorithm.parameters import Parameters
from ...algorithm.workspace import Workspace
from ..problems import Array, Problem


class Product(NamedTuple):
    """C = A B."""

    A: Array
    B: Array
    C: Array


def products(
    problem: Problem, dtype: str, memory: Memory = HOST
) -> list[tuple[list[Product], int]]:
    """Products of a whole batch and how many batches there are; the same of the tail batch."""
    net = Parameters.zeros(problem.layer_sizes, dtype, memory)
    grad = net.zeros_like()
    whole, rest = divmod(problem.rows, problem.batch)
    full = Workspace.allocate(problem.layer_sizes, problem.batch, dtype, memory)
    rng = np.random.default_rng(0)
    for array in (*net.W, full.A[0], full.delta[-1]):
        values = (rng.standard_normal(array.shape) / len(array)).astype(dtype)
        array[...] = memory.rows(values)
    batches = [(_of_batch(full, net, grad), whole)]
    if rest:
        batches.append((_of_batch(full.first(rest), net, grad), 1))
    return batches


def _of_batch(ws: Workspace, net: Parameters, grad: Parameters) -> list[Product]:
    """In the order of backpropagation."""
    depth = len(net.W)
    found = [Product(ws.A[l], net.W[l], ws.Z[l]) for l in range(depth)]
    for l in reversed(range(depth)):
        found.append(Product(ws.A[l].T, ws.delta[l], grad.W[l]))
        if l > 0:
            found.append(Product(ws.delta[l], net.W[l].T, ws.delta[l - 1]))
    return found
