"""How much memory training takes, worked out before anything is allocated."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ..algorithm import checkpointing
from ..algorithm.checkpointing import Checkpoint
from ..algorithm.memory import Capacity, row_length

_WINDOW_BYTES = 256 << 20
"""Bytes of data on the way at a time: enough for transfers at full speed."""
MARGIN_BYTES = 64 << 20
"""Bytes for cuBLAS's workspace, partial sums and code."""


class Plan(NamedTuple):
    """Bytes that training takes, and how it is divided to fit."""

    parameters: int
    """The parameters, their gradient, the optimizer's state, and what the last epoch left."""
    workspace: int
    """Activations and errors of a batch, or of a part of one."""
    data: int
    """Training data, all of them or two windows."""
    margin: int
    """For the GPU's libraries."""
    available: int | None
    """Bytes that may be allocated; None where the operating system decides."""
    keeps_epoch: bool
    """Whether copies of the last epoch's state are made."""
    checkpoint: Checkpoint
    """Which layers' activations are kept."""
    part_with_sqrt: int
    """Rows that checkpoint="sqrt" would compute together; `part` where a checkpoint is set."""
    batch_size: int
    """Rows of a batch."""
    part: int
    """Rows of a batch that are computed together."""
    window: int | None
    """Rows of the data in memory at a time; None for all."""

    @property
    def total(self) -> int:
        """All of it."""
        return self.parameters + self.workspace + self.data + self.margin

    @property
    def fits(self) -> bool:
        """Whether that may be allocated."""
        return self.available is None or self.total <= self.available

    @property
    def offer(self) -> str:
        """Say what checkpointing would compute together, where that is more; ends a sentence."""
        if self.part_with_sqrt == self.part:
            return ""
        whole = self.part_with_sqrt == self.batch_size
        return f"; checkpoint='sqrt' would hold {'all' if whole else self.part_with_sqrt} at once"


def plan(
    layer_sizes: tuple[int, ...],
    rows: int,
    batch_size: int,
    dtype: Any,
    moments: int,
    memory: Capacity,
    X_in_memory: bool = False,
    checkpoint: Checkpoint = None,
    apart: tuple[bool, ...] = (),
) -> Plan:
    """Divide training so that it fits.

    All at once where that fits; else the data come in windows; else a batch is computed in parts,
    each half as large as the one tried before. The optimizer keeps `moments` vectors, 1 with SGD, 2
    with Adam; `apart` says which layers keep Z beside A (`Formulas.apart`), by default none.
    MemoryError, with the numbers, if one example at a time does not fit.

    Examples
    --------
    >>> from gpubackprop.algorithm.memory import HOST
    >>> from gpubackprop.training.memory_plan import plan
    >>> plan((784, 100, 10), 60000, 200, "float32", 2, HOST).parameters
    1272160
    """
    available, batch_size = memory.available(), min(batch_size, rows)
    copies = (1 + moments) * memory.keeps_epoch

    def least(checkpoint: Checkpoint) -> Plan:
        sizes = Sizes(layer_sizes, np.dtype(dtype), memory, checkpoint, apart)
        ways = _ways(sizes, rows, batch_size, 2 + moments, copies, available)
        return _first_that_fits(_targets_only(ways, sizes.targets(rows)) if X_in_memory else ways)

    planned = least(checkpoint)
    whole = planned.fits and planned.part == batch_size
    leaner = planned if whole or checkpoint is not None else least("sqrt")
    if not planned.fits:
        raise MemoryError(_refusal(planned, leaner))
    return planned._replace(part_with_sqrt=leaner.part)


def _ways(
    sizes: "Sizes", rows: int, batch_size: int, vectors: int, copies: int, available: int | None
) -> Iterator[Plan]:
    """Ways to divide training, the best first: rather without copies than in more parts."""
    for part in _halves(batch_size):
        wholes = [
            Plan(
                parameters=(vectors + kept + (part < batch_size)) * sizes.parameters,
                workspace=sizes.workspace(part),
                data=sizes.data(rows),
                margin=MARGIN_BYTES,
                available=available,
                keeps_epoch=kept > 0,
                checkpoint=sizes.checkpoint,
                part_with_sqrt=part,
                batch_size=batch_size,
                part=part,
                window=None,
            )
            for kept in dict.fromkeys((copies, 0))
        ]
        yield from wholes
        for whole in wholes:
            window = sizes.window(batch_size, rows, (available or 0) - whole.total + whole.data)
            yield whole._replace(data=2 * sizes.data(window), window=window)


def _targets_only(ways: Iterator[Plan], targets: int) -> Iterator[Plan]:
    """The ways for X in memory: it is not moved, and its targets follow it whole."""
    return (way._replace(data=targets) for way in ways if way.window is None)


def _first_that_fits(ways: Iterator[Plan]) -> Plan:
    """Return the first way that fits, or the last if none does."""
    for way in ways:
        if way.fits:
            break
    return way


def _halves(batch_size: int) -> Iterator[int]:
    """Rows of the parts that are tried, one after the other."""
    part = batch_size
    while part > 1:
        yield part
        part = -(-part // 2)
    yield 1


def _refusal(least: Plan, leaner: Plan) -> str:
    return (
        f"out of memory: training needs {mebibytes(least.total)} at the least, "
        f"{mebibytes(least.parameters)} of it for the parameters and their optimizer, "
        f"{mebibytes(least.data)} for data on their way; "
        f"{mebibytes(least.available or 0)} are free: "
        "take a smaller network or batch, a narrower dtype, or device='cpu'"
        f"{would_need(least.total, leaner.total)}"
    )


def would_need(needed: int, leaner: int) -> str:
    """Say what checkpointing would take, where that is less; the end of a refusal."""
    less = mebibytes(leaner)
    return "" if less == mebibytes(needed) else f"; checkpoint='sqrt' would need {less}"


class Sizes:
    """Bytes of what training allocates, where the memory says how rows are aligned."""

    def __init__(
        self,
        layer_sizes: tuple[int, ...],
        dtype: np.dtype[Any],
        memory: Capacity,
        checkpoint: Checkpoint = None,
        apart: tuple[bool, ...] = (),
    ) -> None:
        self._apart = [l for l, own in enumerate(apart, start=1) if own]
        self._leads = [row_length(d, dtype, memory) * dtype.itemsize for d in layer_sizes]
        self.parameters = sum(
            (fan_in + 1) * lead
            for (fan_in, _), lead in zip(pairwise(layer_sizes), self._leads[1:], strict=True)
        )
        """Bytes of one vector of all parameters."""
        self.checkpoint = checkpoint
        """Which layers' activations are kept."""
        self._layout = checkpointing.layout(len(layer_sizes) - 1, checkpoint)

    def workspace(self, rows: int) -> int:
        """Bytes for activations, errors and targets of a number of examples."""
        A = checkpointing.longest(self._layout.A, self._leads)
        delta = checkpointing.longest(self._layout.delta, self._leads[1:])
        Z = checkpointing.longest(
            [self._layout.A[l] for l in self._apart], [self._leads[l] for l in self._apart]
        )
        matrices = sum((*A.values(), *Z.values(), *delta.values()))
        return rows * (matrices + self._leads[-1] + 8)

    def data(self, rows: int) -> int:
        """Bytes for a number of training examples, with their targets, weights and order."""
        return rows * self._leads[0] + self.targets(rows)

    def targets(self, rows: int) -> int:
        """Bytes for their targets, weights and order alone."""
        return rows * (self._leads[-1] + 16)

    def window(self, batch_size: int, rows: int, available: int) -> int:
        """Rows of each of two windows: whole batches, as many as are useful and fit."""
        batches = max(1, min(available, 2 * _WINDOW_BYTES) // 2 // self.data(batch_size))
        return min(batches * batch_size, -(-rows // batch_size) * batch_size)


def mebibytes(size: int) -> str:
    """Say a number of bytes in words."""
    return f"{size / 2**20:,.1f} MiB"
