"""A random order for rows that are slow to reach one by one, as on a disk: whole blocks of them.

Rows that lie side by side form a block. The blocks are shuffled, and within a window of some of
them the rows: each block is read once, and a mini-batch still has rows of many of them.
"""

from typing import Any

import numpy as np

from ..algorithm.memory import Array

BLOCK_BYTES = 1 << 18
"""Bytes of a block: what a disk reads at once, at little more than the cost of a row."""
WINDOW = 256
"""Blocks whose rows are mixed."""


def block_rows(row_bytes: float) -> int:
    """Rows of a block: the largest power of two that does not exceed its bytes; at least one."""
    rows = max(1, int(BLOCK_BYTES / max(1.0, row_bytes)))
    return 1 << (rows.bit_length() - 1)


def draw(order: Array, rows: Array | None, block: int, generator: Any) -> None:
    """Draw the order of an epoch, in blocks of `block` rows, whatever the order was before.

    `rows` are the numbers of the rows, ascending; None for 0 to n - 1.

    Examples
    --------
    >>> import numpy as np
    >>> order = np.empty(8, np.int64)
    >>> draw(order, None, 2, np.random.RandomState(0))
    >>> sorted(order.tolist())
    [0, 1, 2, 3, 4, 5, 6, 7]
    """
    starts, within, end = np.arange(0, len(order), block), np.arange(block), 0
    generator.shuffle(starts)
    for first in range(0, len(starts), WINDOW):
        places = (starts[first : first + WINDOW, np.newaxis] + within).ravel()
        places = places[places < len(order)]  # the last block may be shorter
        generator.shuffle(places)
        begin, end = end, end + len(places)
        order[begin:end] = places if rows is None else rows[places]
