"""How much memory training takes, worked out before anything is allocated."""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from .memory import Memory, row_length

_WINDOW = 256 << 20
"""Bytes of data on the way at a time: enough for transfers at full speed."""
_MARGIN = 64 << 20
"""Bytes for cuBLAS's workspace, partial sums and code."""


class Plan(NamedTuple):
    """Bytes that training takes, and how it is divided to fit."""

    parameters: int
    """The parameters, their gradient and the optimizer's state."""
    workspace: int
    """Activations and errors of a batch, or of a part of one."""
    data: int
    """Training data, all of them or two windows."""
    margin: int
    """For the GPU's libraries."""
    available: int | None
    """What there is; None where nobody counts."""
    part: int
    """Rows of a batch that are computed together."""
    window: int | None
    """Rows of the data that are there at a time; None for all."""

    @property
    def total(self) -> int:
        """All of it."""
        return self.parameters + self.workspace + self.data + self.margin


def plan(
    layer_sizes: tuple[int, ...],
    rows: int,
    batch_size: int,
    dtype: Any,
    moments: int,
    memory: Memory,
) -> Plan:
    """Divide training so that it fits.

    All at once where that fits; else the data come in windows; else a batch is computed in parts,
    each half as large as the one tried before.

    Parameters
    ----------
    layer_sizes : tuple of int
        d_0 .. d_L.
    rows : int
        Training examples.
    batch_size : int
        B.
    dtype : dtype
        Of all numbers.
    moments : int
        Vectors that the optimizer keeps: 1 with SGD, 2 with Adam.
    memory : Memory
        Where.

    Returns
    -------
    plan : Plan

    Raises
    ------
    MemoryError
        If one example at a time does not fit; with the numbers.

    Examples
    --------
    >>> from gpubackprop.memory import HOST
    >>> from gpubackprop.memory_plan import plan
    >>> plan((784, 100, 10), 60000, 200, "float32", 2, HOST).parameters
    1273088
    """
    available = memory.available()
    margin = 0 if available is None else _MARGIN
    sizes = Sizes(layer_sizes, np.dtype(dtype), memory)
    part = batch_size
    while True:
        vectors = 2 + moments + (part < batch_size)
        fixed = vectors * sizes.parameters + sizes.workspace(part) + margin
        for window in (None, sizes.window(batch_size, rows, available, fixed)):
            data = sizes.data(rows) if window is None else 2 * sizes.data(window)
            if available is None or fixed + data <= available:
                parameters, workspace = vectors * sizes.parameters, sizes.workspace(part)
                return Plan(parameters, workspace, data, margin, available, part, window)
        if part == 1:
            raise MemoryError(
                f"training needs {_words(fixed + data)} at the least, for the parameters and their "
                f"optimizer {_words(vectors * sizes.parameters)}, for data on the way "
                f"{_words(data)}; {_words(available)} are free: take a smaller network or batch, "
                "a narrower dtype, or device='cpu'"
            )
        part = -(-part // 2)


class Sizes:
    """Bytes of what training allocates.

    Parameters
    ----------
    layer_sizes : tuple of int
        d_0 .. d_L.
    dtype : dtype
        Of all numbers.
    memory : Memory
        Whose rows are how far apart.
    """

    def __init__(self, layer_sizes: tuple[int, ...], dtype: np.dtype[Any], memory: Memory) -> None:
        self._leads = [row_length(d, dtype, memory) * dtype.itemsize for d in layer_sizes]
        self.parameters = sum(
            (fan_in + 1) * lead
            for (fan_in, _), lead in zip(pairwise(layer_sizes), self._leads[1:], strict=True)
        )
        """Bytes of one vector of all parameters."""

    def workspace(self, rows: int) -> int:
        """Bytes for activations, errors and targets of so many examples."""
        return rows * (sum(self._leads) + sum(self._leads[1:]) + self._leads[-1] + 8)

    def data(self, rows: int) -> int:
        """Bytes for so many training examples, with their targets, weights and order."""
        return rows * (self._leads[0] + self._leads[-1] + 16)

    def window(self, batch_size: int, rows: int, available: int | None, fixed: int) -> int:
        """Rows of each of two windows: whole batches, as many as are useful and fit."""
        room = min((available or 0) - fixed, 2 * _WINDOW) // 2
        batches = max(1, room // self.data(batch_size))
        return min(batches * batch_size, -(-rows // batch_size) * batch_size)


def _words(size: int) -> str:
    return f"{size / 2**20:,.1f} MiB"
