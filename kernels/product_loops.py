"""A matrix product in tiles as machine code; see `loops` for what a factory is."""

from typing import Any

import numpy as np

from .elementary import Scalar
from .kernel import Kind, kernel
from .native.arguments import Array
from .native.targets import VECTOR_BYTES

STRIDED = Kind.STRIDED


@kernel(A=STRIDED, B=STRIDED, room=STRIDED, C=STRIDED)
def multiply(real: Any) -> Scalar:
    """C = A B, whose rows are without gaps; B's are copied into `room` first, if it has any.

    Columns are divided evenly: a vector alone would wait for its own sums.
    """
    from .native.tiles import ROWS, SUMS, VECTORS, multiply_tile

    lanes = VECTOR_BYTES // np.dtype(real).itemsize

    def kernel(A: Array, B: Array, room: Array, C: Array) -> None:
        for k in range(room.shape[0]):
            for j in range(room.shape[1]):
                room[k, j] = B[k, j]
        rows_of_B = room if room.shape[0] > 0 else B
        m, n = C.shape
        j = 0
        while j < n:
            left = (n - j + lanes - 1) // lanes
            panels = (left + VECTORS - 1) // VECTORS
            vectors = (left + panels - 1) // panels
            columns = vectors * lanes if j + vectors * lanes < n else n - j
            height = SUMS // vectors if SUMS // vectors < ROWS else ROWS
            for i in range(0, m, height):
                rows = height if i + height < m else m - i
                multiply_tile(A, rows_of_B, C, i, j, rows, columns)
            j += columns

    return kernel
