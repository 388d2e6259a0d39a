"""What the primitives ask of a device: a GPU, or the simulator that stands in for one in tests."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from ..native.layout import Array
from .kernel import Kernel

Launch = Callable[[], None]
"""One call that is ready to run, any number of times: it allocates nothing."""
Extent = tuple[int, int]


class Device(Protocol):
    """Makes launches, and the scratch memory that they need."""

    @property
    def multiprocessors(self) -> int:
        """How many blocks run side by side, at the least."""

    def address(self, array: Array) -> int:
        """Address of an array's first element."""

    def zeros(self, size: int, dtype: np.dtype[Any]) -> Array:
        """Memory for `size` elements, all zero, on a boundary of 16 bytes at least."""

    def launch(
        self,
        kernel: Kernel,
        real: np.dtype[Any],
        grid: Extent,
        block: Extent,
        arguments: tuple[Any, ...],
    ) -> Launch:
        """Prepare a kernel's launch, compiling it where that was not done before."""

    def product(self, A: Array, B: Array, C: Array) -> Launch:
        """Prepare C = A B."""
