"""The BLAS matrix product behind raw addresses, as machine code calls it.

SciPy exports the routines of the BLAS it was built with; no copy of the library and no pointer of
ours is compiled in, so compiled code stays valid from one process to the next.
"""

import ctypes
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .gemm import plan
from .native.arguments import Array, address

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
    """Lay out the call C = A B for matrices that `gemm.plan` can lay out.

    Returns
    -------
    slots : ndarray of int64
        The call; it does not own the matrices.
    """
    product = plan(A, B, C)
    slots = np.zeros(SLOTS, dtype=np.int64)
    slots[0] = _routine(C.dtype)
    slots[1], slots[2] = (ord("T" if transposed else "N") for transposed in product.transposed)
    slots[3:6] = product.m, product.n, product.k
    slots[7], slots[9], slots[12] = map(address, (product.first, product.second, product.out))
    slots[8], slots[10], slots[13] = product.leads
    slots[6:7].view(C.dtype)[0] = 1.0  # alpha; beta, in slot 11, is zero
    return slots
