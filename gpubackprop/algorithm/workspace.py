"""The memory of one mini-batch, allocated once."""

from typing import Any, NamedTuple

import numpy as np

from .checkpointing import Checkpoint, Layout, layout
from .memory import HOST, Array, Memory, matrices, matrix


class Workspace(NamedTuple):
    """What the forward pass caches and the backward pass fills, for a batch or a part of one.

    Rows are examples, so a matrix here is the transpose of the derivation's.
    """

    A: tuple[Array, ...]
    """Activations, (B, d_l) each; A[0] is the mini-batch."""
    Z: tuple[Array, ...]
    """Pre-activations of the layers 1 .. L; the same arrays as A[1:] unless they are kept."""
    delta: tuple[Array, ...]
    """Errors dL/dZ, (B, d_l) each, of the layers 1 .. L."""
    Y: Array
    """Targets, (B, d_L)."""
    share: Array
    """Weight of each example in the loss, (B, 1); 1/B each for the mean."""
    batch_share: Array
    """The same of the whole batch; `share` itself unless this is a part."""
    sums: Array
    """Three float64: `loss`, `decay` and `penalty`, side by side so that they move together."""
    layout: Layout
    """Which activations and errors share memory, and what is run again."""
    memory: Memory
    """Where all this lies."""

    @classmethod
    def allocate(
        cls,
        layer_sizes: tuple[int, ...],
        rows: int,
        dtype: Any,
        memory: Memory = HOST,
        checkpoint: Checkpoint = None,
    ) -> "Workspace":
        """Make room for so many examples that count equally."""
        places = layout(len(layer_sizes) - 1, checkpoint)
        A = matrices(rows, layer_sizes, places.A, dtype, memory)
        delta = matrices(rows, layer_sizes[1:], places.delta, dtype, memory)
        Y = matrix(rows, layer_sizes[-1], dtype, memory)
        share, sums = _equal_shares(rows, dtype, memory), _no_sums(memory)
        return cls(A, A[1:], delta, Y, share, share, sums, places, memory)

    def keeping_pre_activations(self) -> "Workspace":
        """Workspace with memory of its own for Z, shared as that of A is."""
        widths, dtype = [A.shape[1] for A in self.A[1:]], self.Y.dtype
        Z = matrices(self.rows, widths, self.layout.A[1:], dtype, self.memory)
        return self._replace(Z=Z)

    @property
    def rows(self) -> int:
        """B."""
        return len(self.Y)

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

    def first(self, rows: int) -> "Workspace":
        """Workspace for fewer examples in the same memory, with shares and sums of its own."""
        (ws,) = self.batch(rows, _no_sums(self.memory))
        return ws

    def batch(self, rows: int, sums: Array) -> "tuple[Workspace, ...]":
        """Workspaces for so many examples, part after part in this same memory.

        Parameters
        ----------
        rows : int
            Of the whole batch; each part takes as many as there is room for here.
        sums : ndarray of float64, shape (3,)
            Theirs, in common.

        Returns
        -------
        parts : tuple of Workspace
            With shares of the whole batch.
        """
        share = _equal_shares(rows, self.share.dtype, self.memory)
        starts = range(0, rows, self.rows)
        return tuple(self._part(share[start : start + self.rows], share, sums) for start in starts)

    def _part(self, share: Array, batch_share: Array, sums: Array) -> "Workspace":
        rows = len(share)
        A = tuple(a[:rows] for a in self.A)
        delta = tuple(d[:rows] for d in self.delta)
        Y = self.Y[:rows]
        return Workspace(A, A[1:], delta, Y, share, batch_share, sums, self.layout, self.memory)


def _equal_shares(rows: int, dtype: Any, memory: Memory) -> Array:
    return memory.put(np.full((rows, 1), 1 / rows, dtype=dtype))


def _no_sums(memory: Memory) -> Array:
    return memory.put(np.zeros(3))
