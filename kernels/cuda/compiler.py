"""Kernels to machine code, with Numba-CUDA and NVIDIA's linker; needs no GPU and no driver.

Numba makes PTX of a kernel. This module links it for one compute capability, so that an older
driver need not understand the toolkit's PTX, and so that the code can be kept on disk.
"""

import re
from typing import Any

import numpy as np

from ..kernel import Kernel, Kind
from ..numba_contract import add_row_stack, compiling_for, from_dtype
from .tile import THREADS

Capability = tuple[int, int]

add_row_stack()

from cuda.core import Linker, LinkerOptions, ObjectCode  # noqa: E402
from numba import cuda, types  # noqa: E402


def compile_kernel(
    kernel: Kernel, real: np.dtype[Any], capability: Capability
) -> tuple[str, bytes]:
    """Compile a kernel for a floating-point type and a capability such as (9, 0).

    The cubin comes with the name of its entry point.
    """
    text = ptx(kernel, real, capability)
    linked = Linker(
        ObjectCode.from_ptx(text.encode()),
        options=LinkerOptions(arch="sm_{}{}".format(*capability)),
    ).link("cubin")
    return _entry_symbol(text), bytes(linked.code)


def ptx(kernel: Kernel, real: np.dtype[Any], capability: Capability) -> str:
    """Compile a kernel to PTX, the text form of a GPU's instructions."""
    with compiling_for(capability):
        text, _ = cuda.compile_ptx(
            kernel.loop(real),
            signature(kernel, real),
            cc=capability,
            launch_bounds=THREADS,
        )
    return str(text)


def signature(kernel: Kernel, real: np.dtype[Any]) -> tuple[Any, ...]:
    """Types of the parameters, as Numba calls them."""
    return tuple(_numba_type(kind, real) for _, kind in kernel.parameters)


def _numba_type(kind: Kind, real: np.dtype[Any]) -> Any:
    element = from_dtype(kind.dtype(real))
    return types.CPointer(element) if kind.is_array else element


def _entry_symbol(text: str) -> str:
    found = re.findall(r"\.entry\s+(\w+)\s*\(", text)
    if len(found) != 1:
        raise RuntimeError(f"expected one entry point in the PTX, found {found}")
    return str(found[0])
