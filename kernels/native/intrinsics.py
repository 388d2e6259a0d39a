"""What loops do that Python has no word for: calls of BLAS and loops, atomics, prefetching."""

import platform
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .. import blas
from ..kernel import Kind
from ..numba_contract import get_or_insert_function, make_array

_PAUSE = {"x86_64": "pause", "aarch64": "yield", "arm64": "yield"}.get(platform.machine())
"""Instruction that tells the processor that a loop only waits."""


@intrinsic  # type: ignore[untyped-decorator]
def call_gemm(typing_context: Any, call: Any) -> Any:
    """Call a BLAS routine, of which `blas.PARAMETERS` are a tuple's elements.

    Fortran takes every argument by address: matrices by theirs, numbers by that of a copy.
    """

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte = ir.IntType(8).as_pointer()
        routine, *values = (
            builder.extract_value(arguments[0], i) for i in range(len(blas.PARAMETERS))
        )
        operands = []
        for value, kind in zip(values, list(blas.PARAMETERS.values())[1:], strict=True):
            if kind is Kind.ADDRESS:
                operands.append(builder.inttoptr(value, byte))
            else:
                copy = builder.alloca(value.type)
                builder.store(value, copy)
                operands.append(builder.bitcast(copy, byte))
        prototype = ir.FunctionType(ir.VoidType(), [byte] * len(operands))
        builder.call(builder.inttoptr(routine, prototype.as_pointer()), operands)
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
def fetch(typing_context: Any, matrix: Any, row: Any) -> Any:
    """Ask the memory for the beginning of a row that is read later."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        rows = make_array(signature.args[0])(context, builder, arguments[0])
        step = builder.mul(arguments[1], builder.extract_value(rows.strides, 0))
        place = builder.gep(builder.bitcast(rows.data, byte), [step])
        prototype = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        prefetch = get_or_insert_function(builder.module, prototype, "llvm.prefetch.p0")
        # to be read, kept in every cache, data
        builder.call(prefetch, [place, *(ir.Constant(number, value) for value in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(matrix, types.int64), codegen


@intrinsic  # type: ignore[untyped-decorator]
def let_others_run(typing_context: Any) -> Any:
    """Give the processor to a thread that has none (POSIX)."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        prototype = ir.FunctionType(ir.IntType(32), [])
        builder.call(get_or_insert_function(builder.module, prototype, "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), codegen
