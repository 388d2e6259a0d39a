"""Mini-batch backpropagation, written once.

Bound to a backend's kernels, these are the five lines of the derivation, in matrices whose rows are
examples (the transposes of the derivation's columns, the same bytes):

    A_l+1   = sigma(A_l W_l + b_l)                    forward, caching A (and sigma' if it reads Z)
    Delta_L = share (.) grad_z L(A_L, Y)              output error, 1/B in it
    Delta_l = (Delta_l+1 W_l^T) (.) sigma'(Z_l)       error pulled back
    grad W_l = A_l^T Delta_l+1,  grad b_l = 1_B^T Delta_l+1
    theta   = theta - step(grad)                      SGD or Adam, grad summed over all ranks

With dropout the next layer reads A_l (.) M_l, and its error is pulled back as (W^T Delta) (.) M_l.
With activation checkpointing some A share memory, and the backward pass runs those layers again.

Nothing here computes: every operation is a primitive's and every quantity that changes from batch
to batch lives in a one-element array, so one recorded mini-batch can be replayed as it is.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from .algorithm.optimizers import Optimizer, step
from .algorithm.parameters import Array, Parameters
from .algorithm.workspace import Layer, Workspace
from .kernels.calls import of_layer
from .kernels.formulas import Formulas as Formulas  # pickles of 0.1.0 look for it in this module
from .kernels.group import Group
from .kernels.protocol import Kernels
from .kernels.sparse import SparseRows


class Share(NamedTuple):
    """Where the weights of whole mini-batches come from, of which a rank computes some rows."""

    order: Array
    """Permutation of the rows of all ranks, (n,)."""
    cursor: Array
    """Position in it, one int64."""
    place: Array | None
    """Position in its mini-batch of each row in `Source.order`; None where it has no row."""


class Source(NamedTuple):
    """Where mini-batches come from: rows `order[cursor:cursor + B]` of the training data."""

    X: Array | SparseRows
    """Examples, (n, d_0); the first layer reads sparse ones where they are."""
    Y: Array
    """Targets, (n, d_L)."""
    weight: Array | None
    """Weights of the examples, (n, 1), or None where all count equally."""
    order: Array
    """Permutation of the rows, (n,)."""
    cursor: Array
    """Position in `order`, one int64."""
    share: Share | None = None
    """Set where a rank computes some rows of each mini-batch only, and examples have weights."""


Batch = Sequence[tuple[Workspace, Parameters]]
"""A mini-batch, or its parts where memory does not hold it whole, each with its gradient's place.

The first part's gradient becomes the batch's; the others may share one place."""


class TrainBatch(Protocol):
    """Trains on one mini-batch."""

    def __call__(
        self,
        source: Source,
        net: Parameters,
        batch: Batch,
        optimizer: Optimizer,
        alpha: float,
        ranks: Group | None = None,
    ) -> None:
        """Take a step with the gradient of the next mini-batch; alpha is the L2 penalty.

        `net` and `optimizer` are updated in place. `ranks` compute the rest of the mini-batch; by
        default this process computes all.
        """


class Algorithm(NamedTuple):
    """The algorithm bound to one backend's kernels."""

    drop_inputs: Callable[[Workspace], None]
    """Drop inputs of the mini-batch, where some are to be dropped."""
    forward: Callable[[Iterable[Layer]], None]
    """Compute A_1 .. A_L, each layer's output from its input."""
    output_error: Callable[[Workspace], None]
    """Compute the loss and Delta_L; the forward pass comes before it."""
    backward: Callable[[Workspace, Parameters], None]
    """Compute the loss, Delta_L .. Delta_1 and the gradient; the forward pass comes before it."""
    gradient: Callable[[Source, Batch, float], None]
    """Gather the next mini-batch and compute its loss and gradient; the float is the L2 penalty."""
    train_batch: TrainBatch
    """Compute the gradient of the next mini-batch and take the optimizer's step with it."""


def bind(k: Kernels) -> Algorithm:
    """Write the algorithm in the primitives of `k`."""

    def drop_inputs(ws: Workspace) -> None:
        mask = ws.dropout.mask(0) if ws.dropout else None
        if mask is not None:
            k.dropout(ws.examples, mask, ws.examples)

    def dense(layer: Layer) -> None:
        here = of_layer(k, layer.number)
        rest = layer.W, layer.b, layer.activation, layer.Z, layer.output
        if layer.sparse is not None:
            here.sparse_dense(layer.sparse, *rest)
        elif layer.keeps_slope:
            here.dense_and_slope(layer.input, *rest)
        else:
            here.dense(layer.input, *rest)
        if layer.mask is not None:
            here.dropout(layer.output, layer.mask, layer.dropped)

    def forward(layers: Iterable[Layer]) -> None:
        for layer in layers:
            dense(layer)

    def output_error(ws: Workspace) -> None:
        last = ws.layers[-1]
        formulas, here = (last.activation, ws.loss_formula), of_layer(k, last.number)
        here.output_delta(last.output, ws.Y, ws.share, *formulas, last.delta, ws.loss, ws.constant)

    def backward(ws: Workspace, grad: Parameters) -> None:
        output_error(ws)
        for l in reversed(range(len(ws.layers))):
            layer = ws.layers[l]
            here = of_layer(k, layer.number)
            if layer.sparse is None:
                here.weight_grad(layer.input, layer.delta, grad.W[l])
            else:
                here.sparse_weight_grad(layer.sparse, layer.delta, grad.W[l])
            here.bias_grad(layer.delta, grad.b[l])
            for again in ws.layout.again[l]:
                dense(ws.layers[again])
            if l > 0:
                below = ws.layers[l - 1]
                here = of_layer(k, below.number)
                pulled = layer.delta, layer.W, below.saved, below.derived_from, below.delta
                here.hidden_delta(*pulled)
                if below.mask is not None:
                    here.dropout_delta(below.dropped, below.mask, below.delta)

    def weigh(weight: Array, source: Source, whole: Workspace, alpha: float) -> None:
        weights = source.share or source
        k.gather(weight, weights.order, weights.cursor, whole.batch_share)
        k.normalize(whole.batch_share, alpha, whole.decay)
        if source.share is not None:
            k.advance(source.share.cursor, len(whole.batch_share))
            if source.share.place is not None:
                k.gather(whole.batch_share, source.share.place, source.cursor, whole.share)

    def gradient(source: Source, batch: Batch, alpha: float) -> None:
        whole, total = batch[0]
        if source.weight is not None:
            weigh(source.weight, source, whole, alpha)
        for ws, grad in batch:
            if not isinstance(source.X, SparseRows):
                k.gather(source.X, source.order, source.cursor, ws.examples)
            k.gather(source.Y, source.order, source.cursor, ws.Y)
            drop_inputs(ws)
            forward(ws.layers)
            backward(ws, grad)
            k.advance(source.cursor, ws.rows)
            if ws.dropout is not None:
                k.advance(ws.dropout.seen, ws.rows)
            if grad is not total:
                k.add(grad.theta, total.theta)
        others = len(whole.batch_share) - sum(ws.rows for ws, _ in batch)
        if whole.dropout is not None and others:
            k.advance(whole.dropout.seen, others)

    def train_batch(
        source: Source,
        net: Parameters,
        batch: Batch,
        optimizer: Optimizer,
        alpha: float,
        ranks: Group | None = None,
    ) -> None:
        gradient(source, batch, alpha)
        whole, total = batch[0]
        if ranks is not None:
            k.all_reduce(total.theta, ranks)
        step(k, optimizer, net, total, whole)

    return Algorithm(drop_inputs, forward, output_error, backward, gradient, train_batch)
