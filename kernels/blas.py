"""The BLAS matrix product behind raw addresses, as machine code calls it.

The routine's address is an argument: no copy of a library and no pointer is compiled in, so
compiled code stays valid from one process to the next, and serves every BLAS.
"""

import numpy as np

from .blas_library import ONE, library
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
    alpha, beta = ONE[C.dtype], 0
    slots = [library().routines[C.dtype], first, second, product.m, product.n, product.k, alpha]
    slots += [address(product.first), lead_first, address(product.second), lead_second, beta]
    slots += [address(product.out), lead_out]
    return np.array(slots, dtype=np.int64)
