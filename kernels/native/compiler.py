"""A Numba loop to an object file that needs nothing of Numba to run."""

from collections.abc import Mapping
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numba import types

from ..kernel import Kernel, Kind, Loop
from ..numba_contract import (
    CPUCodeLibrary,
    Flags,
    compile_extra,
    cpu_target,
    from_dtype,
    global_compiler_lock,
)
from .entry import add_entry
from .loader import entry_symbol, target_machine
from .targets import Target, own_target

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


def compile_kernel(kernel: Kernel, real: np.dtype[Any]) -> tuple[str, bytes]:
    """Compile a kernel for one floating-point type and this machine's processor.

    The object file comes with the name of its entry point `void symbol(int64_t *block)`. The loop
    is what Numba understands, without allocations or exceptions; RuntimeError if it calls something
    that only a running Numba could provide.
    """
    machine = target_machine(own_target())
    name = kernel.name(real)
    module = _optimized(name, lowered(kernel, real), machine)
    return entry_symbol(name), machine.emit_object(module)


def lowered(kernel: Kernel, real: np.dtype[Any]) -> str:
    """Write a kernel in LLVM's language, the same for every processor."""
    kinds = [_numba_type(kind, real) for _, kind in kernel.parameters]
    return str(_lower(kernel.loop(real), kinds, entry_symbol(kernel.name(real))))


def compile_together(texts: Mapping[str, str], target: Target) -> bytes:
    """Compile lowered kernels, by their names, into one object file, as `compile_kernel` does."""
    machine = target_machine(target)
    whole, *others = (_optimized(name, text, machine) for name, text in texts.items())
    for module in others:
        whole.link_in(module)
    code: bytes = machine.emit_object(whole)
    return code


def _numba_type(kind: Kind, real: np.dtype[Any]) -> Any:
    element = from_dtype(kind.dtype(real))
    if not kind.is_array:
        return element
    return types.Array(element, kind.dimensions, "A" if kind.has_gaps else "C")


class _Lowered(CPUCodeLibrary):  # type: ignore[misc]
    """Takes what Numba has lowered; Numba's own would optimise, link and load it as well."""

    module: Any

    def add_ir_module(self, module: Any) -> None:
        self.module = module


def _lower(loop: Loop, kinds: list[Any], symbol: str) -> Any:
    """Let Numba type and lower a loop, and give it an entry point."""
    context = cpu_target.target_context
    lowered = _Lowered(context.codegen(), symbol)
    flags = cpu_target.options.parse_as_flags(Flags(), _OPTIONS)
    flags.no_compile = True
    with global_compiler_lock:
        typed = compile_extra(
            cpu_target.typing_context,
            context,
            loop,
            kinds,
            types.void,
            flags,
            locals={},
            library=lowered,
        )
    add_entry(context, lowered.module.get_global(typed.fndesc.llvm_func_name), kinds, symbol)
    return lowered.module


def _optimized(name: str, text: str, machine: Any) -> Any:
    """Inline a loop into its entry point and make vector code of it."""
    module = llvm.parse_assembly(text)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    _require_self_contained(module, name)
    return module


def _require_self_contained(module: Any, name: str) -> None:
    called = {f.name for f in module.functions if f.is_declaration}
    foreign = {f for f in called if not f.startswith("llvm.")} - _LIBC - _LIBM
    if foreign:
        raise RuntimeError(f"kernel {name} needs {sorted(foreign)}, which only Numba provides")
