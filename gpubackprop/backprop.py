"""Mini-batch backpropagation, written once.

Bound to a backend's kernels, these are the five lines of the derivation, in matrices whose rows are
examples (the transposes of the derivation's columns, the same bytes):

    A_l+1   = sigma(A_l W_l + b_l)                    forward, caching A
    Delta_L = share (.) grad_z L(A_L, Y)              output error, 1/B in it
    Delta_l = (Delta_l+1 W_l^T) (.) sigma'(Z_l)       error pulled back
    grad W_l = A_l^T Delta_l+1,  grad b_l = 1_B^T Delta_l+1
    theta   = theta - step(grad)                      SGD or Adam

With activation checkpointing some A share memory, and the backward pass runs those layers again.

Nothing here computes: every operation is a primitive's and every quantity that changes from batch
to batch lives in a one-element array, so one recorded mini-batch can be replayed as it is.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from .algorithm.optimizers import Optimizer, step
from .algorithm.parameters import Array, Parameters
from .algorithm.workspace import Workspace
from .kernels.calls import of_layer
from .kernels.formulas import Activation, Loss
from .kernels.protocol import Kernels


class Formulas(NamedTuple):
    """What the layers and the loss compute."""

    hidden: Activation
    output: Activation
    loss: Loss


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

    forward: Callable[[Parameters, Workspace, Formulas], None]
    backward: Callable[[Parameters, Parameters, Workspace, Formulas], None]
    train_batch: Callable[
        [Source, Parameters, Batch, Formulas, Optimizer, float],
        None,
    ]


def bind(k: Kernels) -> Algorithm:
    """Write the algorithm in the primitives of `k`."""

    def layer(l: int, net: Parameters, ws: Workspace, f: Formulas) -> None:
        sigma = f.output if l == len(net.W) - 1 else f.hidden
        of_layer(k, l + 1).dense(ws.A[l], net.W[l], net.b[l], sigma, ws.Z[l], ws.A[l + 1])

    def forward(net: Parameters, ws: Workspace, f: Formulas) -> None:
        for l in range(len(net.W)):
            layer(l, net, ws, f)

    def backward(net: Parameters, grad: Parameters, ws: Workspace, f: Formulas) -> None:
        last = of_layer(k, len(net.W))
        last.output_delta(ws.A[-1], ws.Y, ws.share, f.output, f.loss, ws.delta[-1], ws.loss)
        for l in reversed(range(len(net.W))):
            here = of_layer(k, l + 1)
            here.weight_grad(ws.A[l], ws.delta[l], grad.W[l])
            here.bias_grad(ws.delta[l], grad.b[l])
            for lost in ws.layout.again[l]:
                layer(lost, net, ws, f)
            if l > 0:
                below = of_layer(k, l)
                below.hidden_delta(ws.delta[l], net.W[l], ws.A[l], f.hidden, ws.delta[l - 1])

    def train_batch(
        source: Source,
        net: Parameters,
        batch: Batch,
        f: Formulas,
        optimizer: Optimizer,
        alpha: float,
    ) -> None:
        whole, total = batch[0]
        if source.weight is not None:
            k.gather(source.weight, source.order, source.cursor, whole.batch_share)
            k.normalize(whole.batch_share, alpha, whole.decay)
        for ws, grad in batch:
            k.gather(source.X, source.order, source.cursor, ws.A[0])
            k.gather(source.Y, source.order, source.cursor, ws.Y)
            forward(net, ws, f)
            backward(net, grad, ws, f)
            k.advance(source.cursor, ws.rows)
            if grad is not total:
                k.add(grad.theta, total.theta)
        step(k, optimizer, net, total, whole)

    return Algorithm(forward, backward, train_batch)
