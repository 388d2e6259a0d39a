"""The memory of one mini-batch, allocated once: a record for each layer, targets and sums."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..kernels.formulas import Activation, Formulas, Loss
from ..kernels.masks import Mask
from ..kernels.sparse import SparseRows
from .checkpointing import Checkpoint, Layout, layout
from .dropout import Dropout
from .memory import Array, Memory, matrices, matrix
from .parameters import Parameters


class Layer(NamedTuple):
    """One layer with weights: what the forward pass caches and the backward pass fills.

    Rows are examples, so a matrix is the transpose of the derivation's, the same bytes.
    """

    number: int
    """l, counted from 1."""
    activation: Activation
    """sigma."""
    W: Array
    """(d_l-1, d_l)."""
    b: Array
    """(d_l,)."""
    input: Array
    """A_l-1, (B, d_l-1), less what is dropped of it."""
    Z: Array
    """(B, d_l); `output` itself unless it is kept."""
    output: Array
    """A_l = sigma(Z), (B, d_l)."""
    dropped: Array
    """What the next layer reads, (B, d_l); `output` itself unless that is kept."""
    delta: Array
    """dL/dZ, (B, d_l)."""
    mask: Mask | None = None
    """Of the output, while it is trained with dropout."""
    sparse: SparseRows | None = None
    """What the first layer reads where examples are sparse: `input` has no columns then."""
    keeps_slope: bool = False
    """Whether the layer leaves sigma'(Z) where Z was."""

    @classmethod
    def predicting(
        cls, number: int, activation: Activation, W: Array, b: Array, input: Array, output: Array
    ) -> "Layer":
        """Layer that no error is pulled back through: it needs no memory but its output's."""
        return cls(number, activation, W, b, input, output, output, output, output)

    @property
    def saved(self) -> Array:
        """What sigma' is written with: the output, or Z; or sigma' itself."""
        return self.Z if self.activation.reads_pre_activation else self.output

    @property
    def derived_from(self) -> Activation | None:
        """Activation that sigma' of what is saved belongs to; None where that is sigma' itself."""
        return None if self.keeps_slope else self.activation

    def first(self, rows: int) -> "Layer":
        """The same layer for as many examples or fewer, in the same memory."""
        if rows == len(self.output):
            return self
        matrices = self.input, self.Z, self.output, self.dropped, self.delta
        cut = {id(M): M[:rows] for M in matrices}  # what is one matrix stays one
        input, Z, output, dropped, delta = (cut[id(M)] for M in matrices)
        return self._replace(input=input, Z=Z, output=output, dropped=dropped, delta=delta)


class Workspace(NamedTuple):
    """What a mini-batch, or a part of one, is computed in."""

    layers: tuple[Layer, ...]
    """Layers 1 .. L; the first one's input is the mini-batch."""
    Y: Array
    """Targets, (B, d_L)."""
    share: Array
    """Weight of each example in the loss, (B, 1); 1/B each for the mean."""
    batch_share: Array
    """The same of the whole batch; `share` itself unless this is a part."""
    sums: Array
    """Three float64: `loss`, `decay` and `penalty`, side by side so that they move together."""
    loss_formula: Loss
    constant: Array | None
    """The loss's constant of each output, (d_L,), or None where it is the usual one."""
    layout: Layout
    """Which activations and errors share memory, and what is run again."""
    memory: Memory
    """Memory of all of it."""
    dropout: Dropout | None = None
    """What is dropped of the examples and of the layers' outputs."""

    @classmethod
    def allocate(
        cls,
        net: Parameters,
        formulas: Formulas,
        rows: int,
        checkpoint: Checkpoint = None,
        dropout: Dropout | None = None,
        shown: bool = False,
        sparse: SparseRows | None = None,
    ) -> "Workspace":
        """Allocate for `rows` examples that count equally.

        With `shown` each layer keeps Z and its output, to be looked at, and not only what sigma'
        reads. `sparse` are the examples, where they are sparse.
        """
        sizes, dtype, memory = net.layer_sizes, net.theta.dtype, net.memory
        L = len(net.W)
        places = layout(L, checkpoint)
        widths = sizes if sparse is None else (0, *sizes[1:])
        A = matrices(rows, widths, places.A, dtype, memory)
        delta = matrices(rows, sizes[1:], places.delta, dtype, memory)
        sigma = formulas.activations(L)
        masks = tuple(dropout.mask(l) if dropout else None for l in range(1, L + 1))
        kept = [shown or each.reads_scale for each in sigma]
        dropped = [mask is not None for mask in masks]
        output = _beside(A[1:], [*map(all, zip(kept, dropped, strict=True))], places, memory)
        reads_Z = [each.reads_pre_activation for each in sigma]
        Z = _beside(output, [shown or reads for reads in reads_Z], places, memory)
        numbers = range(1, L + 1)
        read = (sparse, *[None] * (L - 1))
        slopes = [
            reads and not shown and examples is None
            for reads, examples in zip(reads_Z, read, strict=True)
        ]
        matrices_of_each = net.W, net.b, A, Z, output, A[1:], delta
        layers = map(Layer, numbers, sigma, *matrices_of_each, masks, read, slopes)
        Y = matrix(rows, sizes[-1], dtype, memory)
        share, sums = _equal_shares(rows, dtype, memory), _no_sums(memory)
        constant = constants(formulas, sizes[-1], dtype, memory)
        loss = formulas.loss, constant
        return cls(tuple(layers), Y, share, share, sums, *loss, places, memory, dropout)

    @property
    def rows(self) -> int:
        """B."""
        return len(self.Y)

    @property
    def examples(self) -> Array:
        """The mini-batch, (B, d_0)."""
        return self.layers[0].input

    @property
    def prediction(self) -> Array:
        """A_L, (B, d_L)."""
        return self.layers[-1].output

    @property
    def loss(self) -> Array:
        """Sum of the batches' losses so far, one float64."""
        return self.sums[0:1]

    @property
    def decay(self) -> Array:
        """L2 penalty over the batch's total weight, one float64."""
        return self.sums[1:2]

    @property
    def penalty(self) -> Array:
        """Sum of the batches' L2 penalties so far, one float64."""
        return self.sums[2:3]

    def reading(self, X: Array, Y: Array) -> "Workspace":
        """The same workspace with examples and targets in memory of their own."""
        first, *others = self.layers
        return self._replace(layers=(first._replace(input=X), *others), Y=Y)

    def first(self, rows: int) -> "Workspace":
        """Workspace for fewer examples in the same memory, with shares and sums of its own."""
        (ws,) = self.batch(rows, _no_sums(self.memory))
        return ws

    def batch(self, rows: int, sums: Array) -> "tuple[Workspace, ...]":
        """Workspaces of the parts of a batch, one part after the other in this same memory.

        Each part takes as many rows as this workspace has, and the shares of the whole batch; all
        of them add to the same three `sums`.
        """
        share = _equal_shares(rows, self.share.dtype, self.memory)
        starts = range(0, rows, self.rows)
        return tuple(self._part(share[start : start + self.rows], share, sums) for start in starts)

    def _part(self, share: Array, batch_share: Array, sums: Array) -> "Workspace":
        rows = len(share)
        return self._replace(
            layers=tuple(layer.first(rows) for layer in self.layers),
            Y=self.Y[:rows],
            share=share,
            batch_share=batch_share,
            sums=sums,
        )


def _beside(
    M: Sequence[Array], apart: Sequence[bool], places: Layout, memory: Memory
) -> tuple[Array, ...]:
    """Matrices of the layers 1 .. L: those of M, or others that share memory as those of A do."""
    own = [l for l, needed in enumerate(apart, start=1) if needed]
    widths = [M[l - 1].shape[1] for l in own]
    found = matrices(len(M[0]), widths, [places.A[l] for l in own], M[0].dtype, memory)
    beside = dict(zip(own, found, strict=True))
    return tuple(beside.get(l, each) for l, each in enumerate(M, start=1))


def _equal_shares(rows: int, dtype: Any, memory: Memory) -> Array:
    return memory.put(np.full((rows, 1), 1 / rows, dtype=dtype))


def constants(formulas: Formulas, outputs: int, dtype: Any, memory: Memory) -> Array | None:
    """Make an array of the loss's constant of each output; None where it is the usual one."""
    if not formulas.constants:
        return None
    of_each = np.broadcast_to(np.array(formulas.constants, dtype=dtype), (outputs,))
    return memory.put(np.ascontiguousarray(of_each))


def _no_sums(memory: Memory) -> Array:
    return memory.put(np.zeros(3))
