"""Masks of dropout: what is dropped is a function of the example and the column, and no memory."""

from typing import NamedTuple

import numpy as np

from .native.arguments import Array
from .philox import HALF, LOW, philox

DRAWS = 8
"""Neighbouring columns of a row that share a block of random bits, 16 each."""
_RANGE = 1 << 16


class Mask(NamedTuple):
    """Mask of a matrix of activations; see `Kernels.dropout`."""

    rate: float
    """Probability with which an element is dropped, from 0 to below 1."""
    key: int
    """Seed of all masks of a network, from 0 to 2^63 - 1."""
    layer: int
    """Number of the layer, 0 for the inputs."""
    seen: Array
    """Examples before the batch, of all batches so far, one int64."""
    place: Array
    """Position in its batch of each row, int64, from `cursor` on."""
    cursor: Array
    """Where in `place` the rows begin, one int64."""

    @property
    def threshold(self) -> int:
        """Drop an element whose draw, of 0 .. 2^16 - 1, is below this number."""
        return min(round(self.rate * _RANGE), _RANGE - 1)

    @property
    def scale(self) -> float:
        """Factor of the elements that are kept: it leaves the expectation what it was."""
        return _RANGE / (_RANGE - self.threshold)

    def draws(self, rows: int, columns: int) -> Array:
        """Draw a number of 16 bits for each element of the batch, (rows, columns)."""
        place = self.place[self.cursor[0] :][:rows]
        example = (self.seen[0] + place).astype(np.uint64).reshape(-1, 1)
        block = np.arange(-(-columns // DRAWS), dtype=np.uint64)
        layer, key = np.uint64(self.layer), np.uint64(self.key)
        words = np.stack(philox(example >> HALF, example & LOW, block, layer, key), axis=-1)
        return words.astype("<u8").view("<u2").reshape(rows, -1)[:, :columns]
