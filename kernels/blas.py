"""The BLAS matrix product behind raw addresses, as machine code calls it.

SciPy exports the routines of the BLAS it was built with; no copy of the library and no pointer of
ours is compiled in, so compiled code stays valid from one process to the next.
"""

import ctypes
from functools import cache
from typing import Any

import numpy as np

from .gemm import plan
from .kernel import Kind
from .native.arguments import Array, Block, address

_C, _AT = Kind.COUNT, Kind.ADDRESS
PARAMETERS = {
    "routine": _C,
    "transpose_first": _C,
    "transpose_second": _C,
    "m": _C,
    "n": _C,
    "k": _C,
    "alpha": _C,
    "first": _AT,
    "lead_first": _C,
    "second": _AT,
    "lead_second": _C,
    "beta": _C,
    "out": _AT,
    "lead_out": _C,
}
"""Of one call: the routine's address, then its 13 arguments, numbers as the bits of an integer."""

_ONE = {np.dtype(np.float32): 0x3F800000, np.dtype(np.float64): 0x3FF0000000000000}
"""The bits of 1."""
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


def gemm_block(A: Array, B: Array, C: Array) -> Block:
    """Lay out the call C = A B for matrices that `gemm.plan` can lay out.

    Returns
    -------
    block : ndarray of int64
        `PARAMETERS` in their order; it does not own the matrices.
    """
    product = plan(A, B, C)
    first, second = (ord("T" if transposed else "N") for transposed in product.transposed)
    lead_first, lead_second, lead_out = product.leads
    alpha, beta = _ONE[C.dtype], 0
    slots = [_routine(C.dtype), first, second, product.m, product.n, product.k, alpha]
    slots += [address(product.first), lead_first, address(product.second), lead_second, beta]
    slots += [address(product.out), lead_out]
    return np.array(slots, dtype=np.int64)
