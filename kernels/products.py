"""Matrix products on the CPU: small ones in tiles of registers, where that is faster than the BLAS.

Where that is was measured beside SciPy's OpenBLAS on one thread of an Intel Xeon (family 6, model
207), in both types, for 3 to 256 columns and terms and up to 1024 rows.
"""

import numpy as np

from . import blas, loops, product_loops
from .blas_library import library
from .gemm import require_product
from .native.arguments import Array
from .native.launch import LoopLaunch, launch, launch_of
from .native.targets import VECTOR_BYTES, own_target

LONGEST = 256
"""Columns and terms up to which tiles are faster, and rows with a B of any size."""
MOST_ROWS, SMALL_BYTES = 1024, 1 << 16
"""Rows up to which they are with a B of at most as many bytes."""
FULL, FULL_BY_COLUMNS = 0.6, 0.8
"""Least part of the vectors' lanes that columns fill, and where A or B lies by columns."""
FEW_TERMS = 20
"""Terms up to which the BLAS is slow where B lies by columns."""
MANY_ROWS = 64
"""Rows from which copying such a B pays with more terms."""
COPIED_BYTES = 1 << 15
"""Of such a B at the most, copied: it stays in the first cache."""


def product(A: Array, B: Array, C: Array) -> LoopLaunch:
    """Prepare the matrix product C = A B."""
    return in_tiles(A, B, C) if _tiles_are_faster(A, B, C) else by_blas(A, B, C)


def by_blas(A: Array, B: Array, C: Array) -> LoopLaunch:
    """Prepare it as a call of the BLAS."""
    return launch_of(loops.gemm, np.dtype(np.float64), blas.gemm_block(A, B, C), (A, B, C))


def in_tiles(A: Array, B: Array, C: Array) -> LoopLaunch:
    """Prepare it in tiles; rows of C are without gaps.

    Each element is the sum of its terms in their order, however the product is divided.
    """
    require_product(A, B, C)
    room = np.empty((0, 0) if _lies_by_rows(B) else B.shape, B.dtype)
    return launch(product_loops.multiply, A=A, B=B, room=room, C=C)


def _tiles_are_faster(A: Array, B: Array, C: Array) -> bool:
    if not own_target().has_wide_vectors or library().file or not _lies_by_rows(C):
        return False
    (m, k), n = A.shape, C.shape[1]
    most_rows = MOST_ROWS if B.nbytes <= SMALL_BYTES else LONGEST
    if max(n, k) > LONGEST or m > most_rows:
        return False
    lanes = VECTOR_BYTES // C.itemsize
    filled: float = n / (max(1, -(-n // lanes)) * lanes)
    if _lies_by_rows(B):
        return filled >= (FULL if _lies_by_rows(A) else FULL_BY_COLUMNS)
    if k <= FEW_TERMS:
        return filled >= FULL
    return filled >= FULL_BY_COLUMNS and m >= MANY_ROWS and B.nbytes <= COPIED_BYTES


def _lies_by_rows(M: Array) -> bool:
    step: int = M.strides[1]
    return step == M.itemsize
