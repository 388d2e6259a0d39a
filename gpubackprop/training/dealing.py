"""Which rows of each mini-batch a rank computes: every row is computed by exactly one."""

from typing import NamedTuple, Protocol

import numpy as np

from ..algorithm.memory import Array
from ..kernels.group import Group

ELSEWHERE = -1
"""In the place of a row's number: another rank holds it."""


class Dealt(NamedTuple):
    """A rank's part of an epoch."""

    rows: Array
    """Numbers of its rows in its own data, in the order in which they are computed."""
    place: Array
    """Position of each in its mini-batch."""
    counts: Array
    """How many of them each mini-batch has."""


class Deal(Protocol):
    """Deals rows out to ranks."""

    @property
    def group(self) -> Group:
        """All ranks."""

    @property
    def size(self) -> int:
        """Rows of all ranks."""

    def most(self, batch_size: int) -> int:
        """Most rows of a mini-batch that this rank may be dealt."""

    def dealt(self, order: Array, batch_size: int) -> Dealt:
        """Deal out an epoch whose rows come in this order."""


class Slices:
    """Deals slices of each mini-batch, as all ranks hold all rows, of which these are trained on.

    Examples
    --------
    >>> import numpy as np
    >>> from gpubackprop.distributed.thread_group import thread_groups
    >>> from gpubackprop.training.dealing import Slices
    >>> first, second = (Slices(np.arange(5), group) for group in thread_groups(2))
    >>> first.dealt(np.array([4, 2, 0, 1, 3]), 4).rows.tolist()
    [4, 2]
    >>> second.dealt(np.array([4, 2, 0, 1, 3]), 4).rows.tolist()
    [0, 1, 3]
    """

    def __init__(self, rows: Array, group: Group) -> None:
        self._rows, self.group = rows, group

    @property
    def size(self) -> int:
        """Rows of all ranks."""
        return len(self._rows)

    def most(self, batch_size: int) -> int:
        """Rows of the largest slice."""
        return -(-min(batch_size, self.size) // self.group.size)

    def dealt(self, order: Array, batch_size: int) -> Dealt:
        """Deal out an epoch whose rows come in this order."""
        starts = np.arange(0, len(order), batch_size)
        sizes = np.minimum(batch_size, len(order) - starts)
        index = self.group.index
        first, end = (sizes * rank // self.group.size for rank in (index, index + 1))
        counts = end - first
        place = _ranges(first, counts)
        return Dealt(self._rows[order[np.repeat(starts, counts) + place]], place, counts)


class Owners:
    """Deals each row to the rank that holds it: the number in its data, or `ELSEWHERE`."""

    def __init__(self, rows: Array, group: Group) -> None:
        self._rows, self.group = rows, group

    @property
    def size(self) -> int:
        """Rows of all ranks."""
        return len(self._rows)

    def most(self, batch_size: int) -> int:
        """All of a mini-batch, or all rows that this rank has."""
        return min(batch_size, int(np.count_nonzero(self._rows != ELSEWHERE)))

    def dealt(self, order: Array, batch_size: int) -> Dealt:
        """Deal out an epoch whose rows come in this order."""
        held = self._rows[order]
        own = np.flatnonzero(held != ELSEWHERE)
        batches = -(-len(order) // batch_size)
        counts = np.bincount(own // batch_size, minlength=batches)
        return Dealt(held[own], own % batch_size, counts)


def _ranges(starts: Array, counts: Array) -> Array:
    """Concatenate the ranges from each start on, of these lengths."""
    offsets = np.cumsum(counts) - counts
    places: Array = np.arange(int(counts.sum())) + np.repeat(starts - offsets, counts)
    return places
