"""All parameters of a network in one flat vector, so that an optimizer's step is one call."""

import mmap
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from .kernels.native.layout import Array as Array
from .kernels.native.layout import address

ALIGNMENT = 64
"""Bytes: a cache line and the widest vector register."""


_HUGE = 1 << 21
"""Bytes of a huge page."""


def aligned_zeros(size: int, dtype: Any) -> Array:
    """Zeros whose first element lies on a 64-byte boundary, of a huge page if that is filled."""
    dtype = np.dtype(dtype)
    length = size * dtype.itemsize
    huge = length >= _HUGE and hasattr(mmap, "MADV_HUGEPAGE")
    boundary = _HUGE if huge else ALIGNMENT
    room = _huge_pages(length + _HUGE) if huge else np.zeros(length + ALIGNMENT, dtype=np.uint8)
    start = -address(room) % boundary
    return room[start : start + length].view(dtype)


def _huge_pages(length: int) -> Array:
    """Zeros that the kernel may back with huge pages: epochs of 2 MB of weights vary less so."""
    memory = mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, dtype=np.uint8)


class Parameters(NamedTuple):
    """A flat vector and the parameters in it: W_0 .. W_L-1, then b_0 .. b_L-1.

    Each starts on a 64-byte boundary; what lies between is zero and stays so. Gradients, moments
    and velocities have the same layout.
    """

    theta: Array
    """All of it, shape (size,)."""
    W: tuple[Array, ...]
    """Weights, (fan_in, fan_out) each."""
    b: tuple[Array, ...]
    """Biases, (fan_out,) each."""

    @classmethod
    def zeros(cls, layer_sizes: tuple[int, ...], dtype: Any) -> "Parameters":
        """Lay out the parameters of a network with these layer widths, all zero."""
        shapes: list[tuple[int, ...]] = [*pairwise(layer_sizes), *((d,) for d in layer_sizes[1:])]
        step = ALIGNMENT // np.dtype(dtype).itemsize
        offsets = np.cumsum([0, *(-(-int(np.prod(s)) // step) * step for s in shapes)])
        theta = aligned_zeros(int(offsets[-1]), dtype)
        views = [
            theta[o : o + int(np.prod(s))].reshape(s)
            for o, s in zip(offsets[:-1], shapes, strict=True)
        ]
        depth = len(layer_sizes) - 1
        return cls(theta, tuple(views[:depth]), tuple(views[depth:]))

    def zeros_like(self) -> "Parameters":
        """Another vector of the same layout."""
        return Parameters.zeros(self.layer_sizes, self.theta.dtype)

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Widths of the layers, inputs first."""
        return (self.W[0].shape[0], *(b.shape[0] for b in self.b))

    @property
    def decayed(self) -> int:
        """How many leading elements weight decay applies to: the weights, not the biases."""
        return (address(self.b[0]) - address(self.theta)) // self.theta.itemsize

    def load(self, arrays: list[Array]) -> None:
        """Copy values in, weights first."""
        for mine, theirs in zip((*self.W, *self.b), arrays, strict=True):
            mine[...] = theirs

    def store(self, arrays: list[Array]) -> None:
        """Copy values out into existing arrays, weights first."""
        for mine, theirs in zip((*self.W, *self.b), arrays, strict=True):
            theirs[...] = mine
