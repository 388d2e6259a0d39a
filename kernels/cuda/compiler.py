"""Kernels to machine code, with Numba-CUDA and NVIDIA's linker; needs no GPU and no driver.

Numba makes PTX of a kernel. It is linked here, for one compute capability, so that an older driver
need not understand the toolkit's PTX, and so that the code can be kept on disk.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .kernel import Kernel, Parameter
from .tile import THREADS

Capability = tuple[int, int]

if not hasattr(np, "row_stack"):  # gone in NumPy 2.5; numba-cuda 0.30 still looks it up
    np.row_stack = np.vstack

from cuda.core import Linker, LinkerOptions, ObjectCode  # noqa: E402
from numba import cuda, types  # noqa: E402
from numba.cuda import dispatcher  # noqa: E402
from numba.np.numpy_support import from_dtype  # noqa: E402


def compile_kernel(
    kernel: Kernel, real: np.dtype[Any], capability: Capability
) -> tuple[str, bytes]:
    """Compile a kernel.

    Parameters
    ----------
    kernel : Kernel
        What to compile.
    real : dtype
        Its floating-point type.
    capability : tuple of int
        Of the processor, such as (9, 0).

    Returns
    -------
    symbol : str
        Name of the entry point.
    cubin : bytes
        Machine code.
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
            kernel.function(real),
            signature(kernel, real),
            cc=capability,
            launch_bounds=THREADS,
        )
    return str(text)


def signature(kernel: Kernel, real: np.dtype[Any]) -> tuple[Any, ...]:
    """Types of the parameters, as Numba calls them."""
    return tuple(_numba_type(parameter, real) for parameter in kernel.parameters)


def _numba_type(parameter: Parameter, real: np.dtype[Any]) -> Any:
    element = from_dtype(parameter.dtype(real))
    return types.CPointer(element) if parameter.is_address else element


@contextmanager
def compiling_for(capability: Capability) -> Iterator[None]:
    """Answer Numba, which asks for the current device wherever a kernel calls a function."""

    class Device:
        compute_capability = capability

    asked = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: Device
    try:
        yield
    finally:
        dispatcher.get_current_device = asked


def _entry_symbol(text: str) -> str:
    found = re.findall(r"\.entry\s+(\w+)\s*\(", text)
    if len(found) != 1:
        raise RuntimeError(f"expected one entry point in the PTX, found {found}")
    return str(found[0])
