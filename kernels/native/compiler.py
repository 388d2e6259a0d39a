"""A Numba loop to an object file that needs nothing of Numba to run."""

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numba import types
from numba.core.codegen import CPUCodeLibrary
from numba.core.compiler import Flags, compile_extra
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numba.np.numpy_support import from_dtype

from .arguments import Layout
from .entry import add_entry
from .loader import target_machine

_OPTIONS = {
    "nopython": True,
    "error_model": "numpy",
    # contract: fused multiply-adds; nsz: -0.0 is 0.0. Neither changes a sum's order.
    "fastmath": {"contract", "nsz"},
    "_nrt": False,  # no reference counts: a loop allocates nothing and keeps nothing
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}
_LIBC = {"memset", "memcpy", "memmove", "sched_yield"}
_LIBM = {f + s for f in ("sqrt", "exp", "expm1", "log", "pow", "tanh") for s in ("", "f")}


def compile_kernel(
    function: Callable[..., None], layouts: tuple[Layout, ...], real: np.dtype[Any], name: str
) -> tuple[str, bytes]:
    """Compile `function` for one floating-point type.

    Parameters
    ----------
    function : callable
        A loop nest that Numba understands, without allocations or exceptions.
    layouts : tuple of Layout
        Its parameters.
    real : dtype
        float32 or float64.
    name : str
        A unique identifier, part of the symbol's name.

    Returns
    -------
    symbol : str
        Name of the entry point `void symbol(int64_t *block)`.
    code : bytes
        The object file.

    Raises
    ------
    RuntimeError
        If the loop calls something that only a running Numba could provide.
    """
    kinds = [_numba_type(layout, real) for layout in layouts]
    symbol = f"gpubackprop_{name}"
    module = llvm.parse_assembly(str(_lower(function, kinds, symbol)))
    module.verify()
    machine = target_machine()
    _optimize(module, machine)
    _require_self_contained(module, name)
    return symbol, machine.emit_object(module)


def _numba_type(layout: Layout, real: np.dtype[Any]) -> Any:
    element = from_dtype(layout.dtype(real))
    if not layout.dimensions:
        return element
    return types.Array(element, layout.dimensions, "A" if layout is Layout.STRIDED else "C")


class _Lowered(CPUCodeLibrary):  # type: ignore[misc]
    """Takes what Numba has lowered; Numba's own would optimise, link and load it as well."""

    module: Any

    def add_ir_module(self, module: Any) -> None:
        self.module = module


def _lower(function: Callable[..., None], kinds: list[Any], symbol: str) -> Any:
    """Let Numba type and lower a loop, and give it an entry point."""
    context = cpu_target.target_context
    lowered = _Lowered(context.codegen(), symbol)
    flags = cpu_target.options.parse_as_flags(Flags(), _OPTIONS)
    flags.no_compile = True
    with global_compiler_lock:
        typed = compile_extra(
            cpu_target.typing_context,
            context,
            function,
            kinds,
            types.void,
            flags,
            locals={},
            library=lowered,
        )
    loop = lowered.module.get_global(typed.fndesc.llvm_func_name)
    add_entry(context, loop, kinds, symbol)
    return lowered.module


def _optimize(module: Any, machine: Any) -> None:
    """Inline the loop into its entry point and make vector code of it."""
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)


def _require_self_contained(module: Any, name: str) -> None:
    called = {f.name for f in module.functions if f.is_declaration}
    foreign = {f for f in called if not f.startswith("llvm.")} - _LIBC - _LIBM
    if foreign:
        raise RuntimeError(f"kernel {name} needs {sorted(foreign)}, which only Numba provides")
