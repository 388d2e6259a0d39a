"""Bytes of memory that the passes ask for."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...algorithm.memory import Array, Host
from .networks import Plain


class Counting(Host):
    """The process's memory, with a count of the bytes asked for."""

    bytes = 0

    def zeros(self, size: int, dtype: Any) -> Array:
        """Allocate zeros and count their bytes."""
        self.bytes += size * np.dtype(dtype).itemsize
        return super().zeros(size, dtype)

    def several(self, sizes: Sequence[int], dtype: Any) -> list[Array]:
        """Allocate zeros one by one, so that each is counted."""
        return [self.zeros(size, dtype) for size in sizes]

    def put(self, values: Array) -> Array:
        """Copy values and count their bytes."""
        self.bytes += values.nbytes
        return super().put(values)


def allocated(plain: Plain) -> int:
    """Bytes for activations, errors and targets of a mini-batch."""
    memory = Counting()
    net = plain.zeros(memory)
    memory.bytes = 0
    plain.workspace(net)
    return memory.bytes
