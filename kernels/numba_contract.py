"""The private parts of Numba that are relied on, and what is asked of them.

Numba compiles a loop, loads what it made and calls it through Python. Only its first half is used:
a loop is lowered, and its machine code is kept on disk and called without Numba. The way to that
half is not public; `violations` compares it with what is installed, and a test runs that, so an
upgrade fails in the tests and not in a user's fit.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import signature
from typing import Any

import numpy as np


def add_row_stack() -> None:
    """Give NumPy 2.5 the name that it dropped, and that numba-cuda 0.30 looks up on import."""
    if not hasattr(np, "row_stack"):
        np.row_stack = np.vstack


add_row_stack()

from numba.core.cgutils import get_or_insert_function
from numba.core.codegen import CPUCodeLibrary
from numba.core.compiler import Flags, compile_extra
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numba.cpython.unsafe.numbers import viewer
from numba.np.arrayobj import make_array, populate_array
from numba.np.numpy_support import from_dtype

__all__ = [
    "CPUCodeLibrary",
    "Flags",
    "add_row_stack",
    "compile_extra",
    "compiling_for",
    "cpu_target",
    "cuda_violations",
    "from_dtype",
    "get_or_insert_function",
    "global_compiler_lock",
    "make_array",
    "populate_array",
    "viewer",
    "violations",
]

_CONTEXT = cpu_target.target_context

SIGNATURES: dict[Callable[..., Any], tuple[str, ...]] = {
    compile_extra: (
        *("typingctx", "targetctx", "func", "args", "return_type", "flags", "locals"),
        *("library", "pipeline_class"),
    ),
    CPUCodeLibrary.__init__: ("self", "codegen", "name"),
    CPUCodeLibrary.add_ir_module: ("self", "ir_module"),
    cpu_target.options.parse_as_flags: ("flags", "options"),
    make_array: ("array_type",),
    populate_array: ("array", "data", "shape", "strides", "itemsize", "meminfo", "parent"),
    get_or_insert_function: ("module", "fnty", "name"),
    from_dtype: ("dtype",),
    viewer._defn: ("tyctx", "val", "viewty"),
    _CONTEXT.codegen: (),
    _CONTEXT.get_abi_sizeof: ("ty",),
    _CONTEXT.get_data_type: ("ty",),
    _CONTEXT.get_dummy_value: (),
    _CONTEXT.get_value_type: ("ty",),
    _CONTEXT.call_conv.call_function: ("builder", "callee", "resty", "argtys", "args", "attrs"),
}
"""Functions of the CPU's target by the parameters that they must have."""


def violations() -> list[str]:
    """List what differs between the contract and the installed Numba, a line each."""
    found = _differing(SIGNATURES)
    return found if hasattr(Flags(), "no_compile") else [*found, "Flags lacks no_compile"]


def cuda_violations() -> list[str]:
    """List what differs between the CUDA contract and the installed Numba-CUDA, a line each."""
    from numba import cuda
    from numba.cuda import dispatcher

    return _differing(
        {
            cuda.compile_ptx: (
                *("pyfunc", "sig", "debug", "lineinfo", "device", "fastmath", "cc", "opt"),
                *("abi", "abi_info", "forceinline", "launch_bounds"),
            ),
            dispatcher.get_current_device: (),
        }
    )


def _differing(signatures: dict[Callable[..., Any], tuple[str, ...]]) -> list[str]:
    found = []
    for function, expected in signatures.items():
        actual = tuple(signature(function).parameters)
        if actual != expected:
            found.append(f"{function.__qualname__}{actual}, expected {expected}")
    return found


@contextmanager
def compiling_for(capability: tuple[int, int]) -> Iterator[None]:
    """Answer Numba-CUDA, which asks for the current device where a kernel calls a function."""
    from numba.cuda import dispatcher

    class Device:
        compute_capability = capability

    asked = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: Device
    try:
        yield
    finally:
        dispatcher.get_current_device = asked
