"""Matrix products on a GPU: cuBLAS through a handle of our own.

CuPy refuses its cuBLAS calls while a stream is captured, so this module calls the library directly,
with a stream and a workspace that never change: with both fixed, a product gives the same bits each
time and may be captured.
"""

import ctypes
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..gemm import plan
from ..native.arguments import Array
from .device import Rounding

WORKSPACE_BYTES = 32 << 20
"""Bytes; what NVIDIA recommends for Hopper, and more than older processors need."""

_TYPES = {"float32": 0, "float64": 1}
"""cudaDataType_t."""
_DOUBLE = 70
_SINGLE = {Rounding.NONE: 68, Rounding.TF32: 77, Rounding.BF16: 75}
"""cublasComputeType_t: 64F and the forms of 32F."""
_DEFAULT_ALGORITHM = -1

_STATUS = {
    1: "not initialised",
    3: "allocation failed",
    7: "invalid value",
    8: "architecture mismatch",
    11: "mapping error",
    13: "execution failed",
    14: "internal error",
    15: "not supported",
}


class Cublas:
    """One handle, bound to a stream and a workspace, by their addresses.

    The workspace has to be kept as long as this object and every graph that was captured from it.
    """

    def __init__(self, library: Any, stream: int, workspace: int, workspace_bytes: int) -> None:
        self._library = library
        self._handle = ctypes.c_void_p()
        self._call("cublasCreate_v2", ctypes.byref(self._handle))
        weakref.finalize(self, library.cublasDestroy_v2, self._handle).atexit = False
        self._call("cublasSetStream_v2", self._handle, ctypes.c_void_p(stream))
        self._call(  # after the stream, which resets it
            "cublasSetWorkspace_v2",
            self._handle,
            ctypes.c_void_p(workspace),
            ctypes.c_size_t(workspace_bytes),
        )

    def product(self, A: Array, B: Array, C: Array, rounding: Rounding) -> Callable[[], None]:
        """Prepare C = A B, of any memory orders."""
        product = plan(A, B, C)
        scale = ctypes.c_double if C.dtype == np.float64 else ctypes.c_float
        first, second, out = (
            (ctypes.c_void_p(address(M)), ctypes.c_int(_TYPES[M.dtype.name]), ctypes.c_int(lead))
            for M, lead in zip(
                (product.first, product.second, product.out), product.leads, strict=True
            )
        )
        return partial(
            self._call,
            "cublasGemmEx",
            self._handle,
            *(ctypes.c_int(int(transposed)) for transposed in product.transposed),
            *(ctypes.c_int(extent) for extent in (product.m, product.n, product.k)),
            ctypes.byref(scale(1)),
            *first,
            *second,
            ctypes.byref(scale(0)),
            *out,
            ctypes.c_int(_DOUBLE if C.dtype == np.float64 else _SINGLE[rounding]),
            ctypes.c_int(_DEFAULT_ALGORITHM),
        )

    def _call(self, name: str, *arguments: Any) -> None:
        status = getattr(self._library, name)(*arguments)
        if status:
            raise RuntimeError(f"{name}: {_STATUS.get(status, f'status {status}')}")


def address(M: Any) -> int:
    """Address on the device of an array's first element."""
    return int(M.data.ptr)


def load() -> Any:
    """Load libcublas, from where CUDA's packages or the system's installation have it."""
    from cuda.pathfinder import load_nvidia_dynamic_lib

    return ctypes.CDLL(load_nvidia_dynamic_lib("cublas").abs_path)
