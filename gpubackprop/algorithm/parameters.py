"""All parameters of a network in one flat vector, so that an optimizer's step is one call."""

from itertools import pairwise
from math import prod
from typing import Any, NamedTuple

import numpy as np

from .memory import ALIGNMENT, HOST, Memory, row_length
from .memory import Array as Array


class Parameters(NamedTuple):
    """A flat vector and the parameters in it: W_0 .. W_L-1, then b_0 .. b_L-1.

    Each starts on a 64-byte boundary, and each row of a matrix where the memory wants it; the
    elements between are zero and stay so. Gradients, moments and velocities have the same layout.
    """

    theta: Array
    """All of it, shape (size,)."""
    W: tuple[Array, ...]
    """Weights, (fan_in, fan_out) each."""
    b: tuple[Array, ...]
    """Biases, (fan_out,) each."""
    decayed: int
    """How many leading elements weight decay applies to: the weights, not the biases."""
    memory: Memory
    """Memory of the vector."""
    offsets: tuple[int, ...]
    """Where each parameter starts in the vector, weights first, and the vector's size."""

    @classmethod
    def zeros(cls, layer_sizes: tuple[int, ...], dtype: Any, memory: Memory = HOST) -> "Parameters":
        """Lay out the parameters of a network with these layer widths, all zero."""
        offsets = _offsets(layer_sizes, dtype, memory)
        return cls._over(memory.zeros(offsets[-1], dtype), layer_sizes, memory, offsets)

    @classmethod
    def _over(
        cls, theta: Array, layer_sizes: tuple[int, ...], memory: Memory, offsets: tuple[int, ...]
    ) -> "Parameters":
        depth = len(layer_sizes) - 1
        leads = {width: row_length(width, theta.dtype, memory) for width in set(layer_sizes)}
        W = []
        for start, (fan_in, fan_out) in zip(offsets, pairwise(layer_sizes), strict=False):
            lead = leads[fan_out]
            rows = theta[start : start + fan_in * lead].reshape(fan_in, lead)
            W.append(rows if lead == fan_out else rows[:, :fan_out])
        starts = zip(offsets[depth:-1], layer_sizes[1:], strict=True)
        b = tuple(theta[start : start + fan_out] for start, fan_out in starts)
        return cls(theta, tuple(W), b, offsets[depth], memory, offsets)

    def zeros_like(self) -> "Parameters":
        """Another vector of the same layout in the same memory."""
        return self.over(self.vector())

    def vector(self) -> Array:
        """Zeros, as many as the vector has elements, in the same memory."""
        return self.memory.zeros(self.offsets[-1], self.theta.dtype)

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Widths of the layers, inputs first."""
        return (self.W[0].shape[0], *(b.shape[0] for b in self.b))

    def load(self, arrays: list[Array]) -> None:
        """Copy values in, weights first."""
        values = self.over(self.memory.draft(self.theta))
        for parameter, array in zip((*values.W, *values.b), arrays, strict=True):
            parameter[...] = array
        self.memory.write(self.theta, values.theta)

    def store(self, arrays: list[Array]) -> None:
        """Copy values out into existing arrays, weights first."""
        values = self.over(self.memory.read(self.theta))
        for parameter, array in zip((*values.W, *values.b), arrays, strict=True):
            array[...] = parameter

    def packed(self, vector: Array) -> Array:
        """Read a vector of this layout on the host, without the elements between the parameters.

        Any other array, such as a counter, is read as it is.
        """
        if vector.shape != self.theta.shape:
            return self.memory.read(vector)
        out = np.empty(sum(p.size for p in (*self.W, *self.b)), vector.dtype)
        self.over(vector).store(self._views(out))
        return out

    def unpack(self, packed: Array, vector: Array) -> None:
        """Write what `packed` has read into a vector of this layout, or into another array."""
        if vector.shape != self.theta.shape:
            self.memory.write(vector, packed)
        else:
            self.over(vector).load(self._views(packed))

    def _views(self, packed: Array) -> list[Array]:
        """Lay the parameters, without elements between them, over a vector."""
        shapes = [p.shape for p in (*self.W, *self.b)]
        ends = np.cumsum([prod(shape) for shape in shapes])
        return [
            part.reshape(shape)
            for part, shape in zip(np.split(packed, ends[:-1]), shapes, strict=True)
        ]

    def over(self, theta: Array) -> "Parameters":
        """Lay the same parameters out over another vector, such as a moment of the gradient."""
        if theta is self.theta:
            return self
        return Parameters._over(theta, self.layer_sizes, self.memory, self.offsets)


def _offsets(layer_sizes: tuple[int, ...], dtype: Any, memory: Memory) -> tuple[int, ...]:
    leads = {width: row_length(width, dtype, memory) for width in set(layer_sizes)}
    sizes = [m * leads[n] for m, n in pairwise(layer_sizes)]
    step = ALIGNMENT // np.dtype(dtype).itemsize
    offsets = [0]
    for size in (*sizes, *layer_sizes[1:]):
        offsets.append(offsets[-1] + -(-size // step) * step)
    return tuple(offsets)
