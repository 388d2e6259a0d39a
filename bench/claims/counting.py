"""How many bytes the passes ask for."""

from typing import Any

import numpy as np

from ...algorithm.memory import Array, Host
from .networks import Plain


class Counting(Host):
    """The process's memory, and how much of it was asked for."""

    bytes = 0

    def zeros(self, size: int, dtype: Any) -> Array:
        """Count them."""
        self.bytes += size * np.dtype(dtype).itemsize
        return super().zeros(size, dtype)

    def put(self, values: Array) -> Array:
        """Count them as well."""
        self.bytes += values.nbytes
        return super().put(values)


def allocated(plain: Plain) -> int:
    """Bytes for activations, errors and targets of a mini-batch."""
    memory = Counting()
    plain.workspace(memory)
    return memory.bytes
