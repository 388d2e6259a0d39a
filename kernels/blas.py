"""The BLAS matrix product behind raw addresses, as machine code calls it.

SciPy exports the routines of the BLAS it was built with; no copy of the library and no pointer of
ours is compiled in, so compiled code stays valid from one process to the next.
"""

import ctypes
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .native.layout import Array, address

SLOTS = 14
"""Slots of one call: the routine's address, then its 13 arguments."""
MATRIX_SLOTS = (7, 9, 12)
"""Slots that hold an address; all others hold a value that is passed by its address."""

_ROUTINES = {np.dtype(np.float32): "sgemm", np.dtype(np.float64): "dgemm"}


@cache
def _routine(dtype: np.dtype[Any]) -> int:
    """Address of sgemm or dgemm.

    Raises
    ------
    RuntimeError
        If SciPy's BLAS takes 64-bit integers, which this layout does not speak.
    """
    from scipy.linalg import cython_blas

    capsule = cython_blas.__pyx_capi__[_ROUTINES[dtype]]
    name_of = ctypes.pythonapi.PyCapsule_GetName
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    signature = name_of(capsule)
    if signature is None or b"char *, char *, int *, int *, int *," not in signature:
        raise RuntimeError(f"SciPy's {_ROUTINES[dtype]} has an unknown signature: {signature!r}")
    return int(pointer_of(capsule, signature))


def gemm_call(A: Array, B: Array, C: Array) -> npt.NDArray[np.int64]:
    """Lay out the call C = A B for matrices of any order.

    Parameters
    ----------
    A : ndarray of shape (m, k)
        Row-major, or the transpose of a row-major matrix; its rows may have gaps between them.
    B : ndarray of shape (k, n)
        Likewise.
    C : ndarray of shape (m, n)
        Row-major, gaps allowed.

    Returns
    -------
    slots : ndarray of int64
        The call; it does not own the matrices.

    Notes
    -----
    BLAS is column-major. Read so, the memory of a row-major M is M^T, and C^T = B^T A^T: the
    operands change places and a transposed view is passed as it lies.
    """
    require_product(A, B, C)
    m, k = A.shape
    n = B.shape[1]
    slots = np.zeros(SLOTS, dtype=np.int64)
    slots[0] = _routine(C.dtype)
    slots[1], slots[8] = _operand(B)
    slots[2], slots[10] = _operand(A)
    letter, slots[13] = _operand(C)
    if letter != ord("N"):
        raise ValueError(f"gemm: the result of shape {C.shape} has strides {C.strides}")
    slots[3], slots[4], slots[5] = n, m, k
    slots[7], slots[9], slots[12] = address(B), address(A), address(C)
    slots[6:7].view(C.dtype)[0] = 1.0  # alpha; beta, in slot 11, is zero
    return slots


def require_product(A: Array, B: Array, C: Array) -> None:
    """Raise a ValueError unless C = A B makes sense: machine code would read past the ends."""
    shapes = A.shape[1] == B.shape[0] and C.shape == (A.shape[0], B.shape[1])
    if not shapes or not A.dtype == B.dtype == C.dtype:
        raise ValueError(
            f"gemm: {A.shape} {A.dtype} @ {B.shape} {B.dtype} into {C.shape} {C.dtype}"
        )


def _operand(M: Array) -> tuple[int, int]:
    """How a matrix lies: its transpose letter for BLAS and its leading dimension."""
    for letter, view in (("N", M), ("T", M.T)):
        rows, columns = view.shape
        step, item = view.strides
        packed = item == M.itemsize or columns == 1
        if packed and (rows == 1 or (step % M.itemsize == 0 and step >= columns * M.itemsize)):
            return ord(letter), max(columns, step // M.itemsize if rows > 1 else 1)
    raise ValueError(f"gemm: a matrix of shape {M.shape} has strides {M.strides}")
