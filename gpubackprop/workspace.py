"""The memory of one mini-batch, allocated once."""

from typing import Any, NamedTuple

import numpy as np

from .parameters import Array, aligned_zeros


class Workspace(NamedTuple):
    """What the forward pass caches and the backward pass fills, for B examples.

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
    loss: Array
    """Sum of the batches' losses so far, one float64."""
    decay: Array
    """L2 penalty over the batch's total weight, one float64."""
    penalty: Array
    """Sum of the batches' L2 penalties so far, one float64."""

    @classmethod
    def allocate(cls, layer_sizes: tuple[int, ...], batch_size: int, dtype: Any) -> "Workspace":
        """Make room for `batch_size` examples that count equally."""
        activations = tuple(_matrix(batch_size, d, dtype) for d in layer_sizes)
        deltas = tuple(_matrix(batch_size, d, dtype) for d in layer_sizes[1:])
        targets = _matrix(batch_size, layer_sizes[-1], dtype)
        share = np.full((batch_size, 1), 1 / batch_size, dtype=dtype)
        sums = (np.zeros(1), np.zeros(1), np.zeros(1))
        return cls(activations, activations[1:], deltas, targets, share, *sums)

    def keeping_pre_activations(self) -> "Workspace":
        """Workspace with memory of its own for Z."""
        return self._replace(Z=tuple(np.zeros_like(A) for A in self.A[1:]))

    @property
    def batch_size(self) -> int:
        """B."""
        return len(self.Y)

    def first(self, rows: int) -> "Workspace":
        """Workspace for fewer examples in the same memory, with sums of its own."""
        share = np.full((rows, 1), 1 / rows, dtype=self.share.dtype)
        activations = tuple(A[:rows] for A in self.A)
        deltas = tuple(delta[:rows] for delta in self.delta)
        sums = (np.zeros(1), np.zeros(1), np.zeros(1))
        return Workspace(activations, activations[1:], deltas, self.Y[:rows], share, *sums)


def _matrix(rows: int, columns: int, dtype: Any) -> Array:
    return aligned_zeros(rows * columns, dtype).reshape(rows, columns)
