"""What is made of the rows of all ranks, where each holds rows of its own."""

import numpy as np

from ..kernels.group import Group
from ..kernels.native.arguments import Array
from .current import current


def group_of_shards() -> Group | None:
    """Return the ranks that this context trains with if each holds rows of its own."""
    together = current()
    return together.group if together is not None and together.shards else None


def of_all(values: Array) -> Array:
    """Concatenate values of this rank's rows with those of the other ranks, if they hold others."""
    group = group_of_shards()
    return values if group is None else np.concatenate(group.exchange(values))


def own_part(of_all_rows: Array, rows: int) -> Array:
    """Take this rank's `rows` values of those that were made of all ranks' rows, as of `of_all`."""
    group = group_of_shards()
    if group is None:
        return of_all_rows
    before = sum(group.exchange(rows)[: group.index])
    return of_all_rows[before : before + rows]
