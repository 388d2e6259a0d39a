"""What the primitives ask of a device: a GPU, or what stands in for one in tests."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Protocol

import numpy as np

from ..group import Group
from ..kernel import Kernel, Launch
from ..native.arguments import Array

Extent = tuple[int, int]
"""Blocks of a grid, or threads of a block, along x and y."""
Branch = tuple[Any, list[Launch]]
"""A device, of the type that captures, and launches on it, which run in their order."""


class Rounding(Enum):
    """How a product of float32 matrices may round its operands; it adds up in float32 always."""

    NONE = "float32"
    TF32 = "tf32"
    """10 bits of fraction."""
    BF16 = "bf16"
    """7 bits of fraction."""


class Device(Protocol):
    """Makes launches, and the scratch memory that they need."""

    @property
    def multiprocessors(self) -> int:
        """How many blocks run side by side, at the least."""

    def address(self, array: Array) -> int:
        """Address of an array's first element."""

    def zeros(self, size: int, dtype: np.dtype[Any]) -> Array:
        """Memory for `size` elements, all zero, on a boundary of 16 bytes at least."""

    def full(self, size: int, value: float, dtype: np.dtype[Any]) -> Array:
        """The same memory, each element set to a value."""

    def empty(self, size: int, dtype: np.dtype[Any]) -> Array:
        """The same memory, not set to zero."""

    def launch(
        self, kernel: Kernel, grid: Extent, block: Extent, arguments: Mapping[str, Any]
    ) -> Launch:
        """Prepare a kernel's launch, compiling it where that was not done before."""

    def product(self, A: Array, B: Array, C: Array, rounding: Rounding) -> Launch:
        """Prepare C = A B."""

    def all_reduce(self, total: Array, ranks: Group) -> Launch:
        """Prepare total = sum over the ranks of total."""

    def capture(self, launches: list[Launch], beside: Sequence[Branch] = ()) -> Launch:
        """Make one launch of many, which run in their order; CaptureError if the device cannot.

        Launches of other device objects of the same GPU may run beside them.
        """

    def follow(self, other: Any) -> None:
        """Let what is queued on this device next wait for all that is queued on another by now."""


class CaptureError(RuntimeError):
    """A sequence of launches could not be recorded."""
