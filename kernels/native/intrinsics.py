"""What loops do that Python has no word for: BLAS calls, calls of other loops, atomic counters."""

import platform
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .. import blas
from ..numba_contract import get_or_insert_function, make_array

_PAUSE = {"x86_64": "pause", "aarch64": "yield", "arm64": "yield"}.get(platform.machine())
"""Instruction that tells the processor that a loop only waits."""


@intrinsic  # type: ignore[untyped-decorator]
def call_gemm(typing_context: Any, call: Any) -> Any:
    """Call the BLAS routine at slot 0; Fortran takes every argument by address."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte = ir.IntType(8).as_pointer()
        base = make_array(signature.args[0])(context, builder, arguments[0]).data
        slots = [builder.gep(base, [ir.Constant(ir.IntType(64), i)]) for i in range(blas.SLOTS)]
        operands = [
            builder.inttoptr(builder.load(slot), byte)
            if i in blas.MATRIX_SLOTS
            else builder.bitcast(slot, byte)
            for i, slot in enumerate(slots)
            if i
        ]
        prototype = ir.FunctionType(ir.VoidType(), [byte] * len(operands))
        routine = builder.inttoptr(builder.load(slots[0]), prototype.as_pointer())
        builder.call(routine, operands)
        return context.get_dummy_value()

    return types.void(call), codegen


@intrinsic  # type: ignore[untyped-decorator]
def call(typing_context: Any, entry: Any, block: Any) -> Any:
    """Call a kernel's entry point with the address of its block."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte = ir.IntType(8).as_pointer()
        prototype = ir.FunctionType(ir.VoidType(), [byte])
        function = builder.inttoptr(arguments[0], prototype.as_pointer())
        builder.call(function, [builder.inttoptr(arguments[1], byte)])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@intrinsic  # type: ignore[untyped-decorator]
def add_one(typing_context: Any, counter: Any) -> Any:
    """Add one to the first element, atomically, and return what it was."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        cell = make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.atomic_rmw("add", cell, ir.Constant(ir.IntType(64), 1), "seq_cst")

    return types.int64(counter), codegen


@intrinsic  # type: ignore[untyped-decorator]
def read(typing_context: Any, counter: Any) -> Any:
    """Read the first element; what was written before its last change is visible then."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        cell = make_array(signature.args[0])(context, builder, arguments[0]).data
        if _PAUSE:
            nothing = ir.FunctionType(ir.VoidType(), [])
            builder.call(ir.InlineAsm(nothing, _PAUSE, "", side_effect=True), [])
        return builder.load_atomic(cell, "seq_cst", 8)

    return types.int64(counter), codegen


@intrinsic  # type: ignore[untyped-decorator]
def let_others_run(typing_context: Any) -> Any:
    """Give the processor to a thread that has none (POSIX)."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        prototype = ir.FunctionType(ir.IntType(32), [])
        builder.call(get_or_insert_function(builder.module, prototype, "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), codegen
