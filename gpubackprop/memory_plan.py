"""How much memory training takes, worked out before anything is allocated."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from .memory import Room, row_length

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
    batch_size: int
    """Rows of a batch."""
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
    memory: Room,
    here: bool = False,
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
    memory : Room
        Where.
    here : bool, default=False
        Whether the data lie there already.

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
    1272160
    """
    available, batch_size = memory.available(), min(batch_size, rows)
    sizes, to_move = Sizes(layer_sizes, np.dtype(dtype), memory), 0 if here else rows
    for part in _halves(batch_size):
        vectors = 2 + moments + (part < batch_size)
        whole = Plan(
            parameters=vectors * sizes.parameters,
            workspace=sizes.workspace(part),
            data=sizes.data(to_move),
            margin=_MARGIN,
            available=available,
            batch_size=batch_size,
            part=part,
            window=None,
        )
        window = sizes.window(batch_size, to_move, (available or 0) - whole.total + whole.data)
        streamed = whole._replace(data=2 * sizes.data(window), window=window)
        for planned in (whole, streamed):
            if available is None or planned.total <= available:
                return planned
    raise MemoryError(_refusal(streamed))


def _halves(batch_size: int) -> Iterator[int]:
    """Rows of the parts that are tried, one after the other."""
    part = batch_size
    while part > 1:
        yield part
        part = -(-part // 2)
    yield 1


def _refusal(least: Plan) -> str:
    return (
        f"out of memory: training needs {mebibytes(least.total)} at the least, "
        f"{mebibytes(least.parameters)} of it for the parameters and their optimizer, "
        f"{mebibytes(least.data)} for data on their way; "
        f"{mebibytes(least.available or 0)} are free: "
        "take a smaller network or batch, a narrower dtype, or device='cpu'"
    )


class Sizes:
    """Bytes of what training allocates.

    Parameters
    ----------
    layer_sizes : tuple of int
        d_0 .. d_L.
    dtype : dtype
        Of all numbers.
    memory : Room
        Whose rows are how far apart.
    """

    def __init__(self, layer_sizes: tuple[int, ...], dtype: np.dtype[Any], memory: Room) -> None:
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

    def window(self, batch_size: int, rows: int, room: int) -> int:
        """Rows of each of two windows: whole batches, as many as are useful and fit."""
        batches = max(1, min(room, 2 * _WINDOW) // 2 // self.data(batch_size))
        return min(batches * batch_size, -(-rows // batch_size) * batch_size)


def mebibytes(size: int) -> str:
    """Say a number of bytes in words."""
    return f"{size / 2**20:,.1f} MiB"
