"""Mini-batch backpropagation, written once.

Bound to a backend's kernels, these are the five lines of the derivation, in matrices whose rows are
examples (the transposes of the derivation's columns, the same bytes):

    A_l+1   = sigma(A_l W_l + b_l)                    forward, caching A (and Z if sigma' reads it)
    Delta_L = share (.) grad_z L(A_L, Y)              output error, 1/B in it
    Delta_l = (Delta_l+1 W_l^T) (.) sigma'(Z_l)       error pulled back
    grad W_l = A_l^T Delta_l+1,  grad b_l = 1_B^T Delta_l+1
    theta   = theta - step(grad)                      SGD or Adam

With activation checkpointing some A share memory, and the backward pass runs those layers again.

Nothing here computes: every operation is a primitive's and every quantity that changes from batch
to batch lives in a one-element array, so one recorded mini-batch can be replayed as it is.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from .algorithm.optimizers import Optimizer, step
from .algorithm.parameters import Array, Parameters
from .algorithm.workspace import Layer, Workspace
from .kernels.calls import of_layer
from .kernels.formulas import Formulas as Formulas  # pickles of 0.1.0 look for it in this module
from .kernels.protocol import Kernels


class Source(NamedTuple):
    """Where mini-batches come from: rows `order[cursor:cursor + B]` of the training data."""

    X: Array
    """Examples, (n, d_0)."""
    Y: Array
    """Targets, (n, d_L)."""
    weight: Array | None
    """Weights of the examples, (n, 1), or None where all count equally."""
    order: Array
    """Permutation of the rows, (n,)."""
    cursor: Array
    """Position in `order`, one int64."""


Batch = Sequence[tuple[Workspace, Parameters]]
"""A mini-batch, or its parts where memory does not hold it whole, each with its gradient's place.

The first part's gradient becomes the batch's; the others may share one place."""


class Algorithm(NamedTuple):
    """The algorithm bound to one backend's kernels."""

    forward: Callable[[Iterable[Layer]], None]
    """Compute A_1 .. A_L, each layer's output from its input."""
    output_error: Callable[[Workspace], None]
    """Compute the loss and Delta_L; the forward pass comes before it."""
    backward: Callable[[Workspace, Parameters], None]
    """Compute the loss, Delta_L .. Delta_1 and the gradient; the forward pass comes before it."""
    gradient: Callable[[Source, Batch, float], None]
    """Gather the next mini-batch and compute its loss and gradient; the float is the L2 penalty."""
    train_batch: Callable[[Source, Parameters, Batch, Optimizer, float], None]
    """Compute the gradient of the next mini-batch and take the optimizer's step with it."""


def bind(k: Kernels) -> Algorithm:
    """Write the algorithm in the primitives of `k`."""

    def dense(layer: Layer) -> None:
        here = of_layer(k, layer.number)
        here.dense(layer.input, layer.W, layer.b, layer.activation, layer.Z, layer.output)

    def forward(layers: Iterable[Layer]) -> None:
        for layer in layers:
            dense(layer)

    def output_error(ws: Workspace) -> None:
        last = ws.layers[-1]
        A, sigma, here = last.output, last.activation, of_layer(k, last.number)
        here.output_delta(A, ws.Y, ws.share, sigma, ws.loss_formula, last.delta, ws.loss)

    def backward(ws: Workspace, grad: Parameters) -> None:
        output_error(ws)
        for l in reversed(range(len(ws.layers))):
            layer = ws.layers[l]
            here = of_layer(k, layer.number)
            here.weight_grad(layer.input, layer.delta, grad.W[l])
            here.bias_grad(layer.delta, grad.b[l])
            for again in ws.layout.again[l]:
                dense(ws.layers[again])
            if l > 0:
                below = ws.layers[l - 1]
                pulled = layer.delta, layer.W, below.saved, below.activation, below.delta
                of_layer(k, below.number).hidden_delta(*pulled)

    def gradient(source: Source, batch: Batch, alpha: float) -> None:
        whole, total = batch[0]
        if source.weight is not None:
            k.gather(source.weight, source.order, source.cursor, whole.batch_share)
            k.normalize(whole.batch_share, alpha, whole.decay)
        for ws, grad in batch:
            k.gather(source.X, source.order, source.cursor, ws.examples)
            k.gather(source.Y, source.order, source.cursor, ws.Y)
            forward(ws.layers)
            backward(ws, grad)
            k.advance(source.cursor, ws.rows)
            if grad is not total:
                k.add(grad.theta, total.theta)

    def train_batch(
        source: Source, net: Parameters, batch: Batch, optimizer: Optimizer, alpha: float
    ) -> None:
        gradient(source, batch, alpha)
        whole, total = batch[0]
        step(k, optimizer, net, total, whole)

    return Algorithm(forward, output_error, backward, gradient, train_batch)
