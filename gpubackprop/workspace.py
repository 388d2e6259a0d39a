"""The memory of one mini-batch, allocated once."""

from typing import Any, NamedTuple

import numpy as np

from .memory import HOST, Array, Memory, matrix


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
    sums: Array
    """Three float64: `loss`, `decay` and `penalty`, side by side so that they move together."""
    memory: Memory
    """Where all this lies."""

    @classmethod
    def allocate(
        cls, layer_sizes: tuple[int, ...], batch_size: int, dtype: Any, memory: Memory = HOST
    ) -> "Workspace":
        """Make room for `batch_size` examples that count equally."""
        activations = tuple(matrix(batch_size, d, dtype, memory) for d in layer_sizes)
        deltas = tuple(matrix(batch_size, d, dtype, memory) for d in layer_sizes[1:])
        targets = matrix(batch_size, layer_sizes[-1], dtype, memory)
        return cls(activations, activations[1:], deltas, targets, *_equal(targets, memory), memory)

    def keeping_pre_activations(self) -> "Workspace":
        """Workspace with memory of its own for Z."""
        kept = (matrix(*A.shape, A.dtype, self.memory) for A in self.A[1:])
        return self._replace(Z=tuple(kept))

    @property
    def batch_size(self) -> int:
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
        """Workspace for fewer examples in the same memory, with sums of its own."""
        activations = tuple(A[:rows] for A in self.A)
        deltas = tuple(delta[:rows] for delta in self.delta)
        targets = self.Y[:rows]
        own = _equal(targets, self.memory)
        return Workspace(activations, activations[1:], deltas, targets, *own, self.memory)


def _equal(targets: Array, memory: Memory) -> tuple[Array, Array]:
    """Equal shares for the rows of `targets`, and sums."""
    rows = len(targets)
    share = np.full((rows, 1), 1 / rows, dtype=targets.dtype)
    return memory.put(share), memory.put(np.zeros(3))
