"""How a matrix product of row-major and column-major matrices is put to a BLAS."""

from typing import NamedTuple

from .native.arguments import Array


class Product(NamedTuple):
    """One product as a column-major BLAS wants it: out = op(first) op(second).

    Operands are matrices of any memory order with one unit stride, out included; nothing is copied.
    """

    first: Array
    second: Array
    out: Array
    transposed: tuple[bool, bool]
    """Whether the BLAS has to transpose what it finds at `first` and `second`."""
    m: int
    n: int
    k: int
    leads: tuple[int, int, int]
    """Elements from one column to the next, of first, second and out."""


_LARGEST = 2**31 - 1
"""Of the integers that a BLAS takes."""


def plan(A: Array, B: Array, C: Array) -> Product:
    """Lay out C = A B, matrices of any memory order, with gaps between rows or columns or without.

    A BLAS is column-major. Read so, the memory of a row-major M is M^T, and C^T = B^T A^T: for a
    row-major C the operands change places and every matrix is passed unmoved. ValueError if shapes
    or dtypes do not fit, or a matrix has no unit stride, or one too long for a BLAS.

    Examples
    --------
    >>> import numpy as np
    >>> from gpubackprop.kernels.gemm import plan
    >>> A, B, C = np.ones((2, 3)), np.ones((3, 4)), np.ones((2, 4))
    >>> product = plan(A, B, C)
    >>> product.first is B, product.transposed, (product.m, product.n, product.k), product.leads
    (True, (False, False), (4, 2, 3), (4, 3, 4))
    """
    require_product(A, B, C)
    row_major, lead = _layout(C)
    if not row_major:
        return plan(B.T, A.T, C.T)
    B_row_major, B_lead = _layout(B)
    A_row_major, A_lead = _layout(A)
    (m, k), n = A.shape, B.shape[1]
    transposed = (not B_row_major, not A_row_major)
    return Product(B, A, C, transposed, n, m, k, (B_lead, A_lead, lead))


def require_product(A: Array, B: Array, C: Array) -> None:
    """Raise a ValueError unless C = A B makes sense: machine code would read past the ends."""
    shapes = A.shape[1] == B.shape[0] and C.shape == (A.shape[0], B.shape[1])
    if not shapes or A.dtype != B.dtype or A.dtype != C.dtype:
        raise ValueError(
            f"gemm: {A.shape} {A.dtype} @ {B.shape} {B.dtype} into {C.shape} {C.dtype}"
        )


def _layout(M: Array) -> tuple[bool, int]:
    """Whether a matrix is row-major, and elements from one row (or column) to the next."""
    rows, columns = M.shape
    if M.strides == (columns * M.itemsize, M.itemsize) and max(rows, columns) <= _LARGEST:
        return True, max(columns, 1)  # as most do
    if M.strides == (M.itemsize, rows * M.itemsize) and 1 < max(rows, columns) <= _LARGEST:
        return False, max(rows, 1)  # as their transposes do
    for row_major, view in ((True, M), (False, M.T)):
        rows, columns = view.shape
        step, item = view.strides
        packed = item == M.itemsize or columns == 1
        if packed and (rows == 1 or (step % M.itemsize == 0 and step >= columns * M.itemsize)):
            lead = max(columns, step // M.itemsize if rows > 1 else 1)
            if max(lead, rows) <= _LARGEST:
                return row_major, lead
    raise ValueError(f"gemm: a matrix of shape {M.shape} has strides {M.strides}")
