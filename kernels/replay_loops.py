"""Control in machine code: replaying recorded calls, alone or side by side with other threads."""

import platform
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from .denormals import flush_denormals, restore_denormals
from .elementwise import Scalar, inline
from .native.arguments import Array

_PAUSE = {"x86_64": "pause", "aarch64": "yield", "arm64": "yield"}.get(platform.machine())
"""Instruction that tells the processor that a loop only waits."""


def replay(real: Any) -> Scalar:
    """Run a recorded sequence of calls, over and over; denormal numbers count as zero meanwhile."""

    def kernel(calls: Array, repeats: int) -> None:
        before = flush_denormals()
        for _ in range(repeats):
            for i in range(calls.shape[0] // 2):
                _call(calls[2 * i], calls[2 * i + 1])
        restore_denormals(before)

    return kernel


def lead(real: Any) -> Scalar:
    """Post an order, a call for every thread, make the first, wait until all are made."""
    meet = inline(_wait_for)

    def kernel(order: Array, done: Array, calls: Array) -> None:
        others = calls.shape[0] // 2 - 1
        target = (_add_one(order) + 1) * others
        _call(calls[0], calls[1])
        meet(done, target)

    return kernel


def attend(real: Any) -> Scalar:
    """Make one's own call of every order, until none has come for a while."""

    def kernel(
        order: Array, served: Array, done: Array, calls: Array, mine: int, patience: int
    ) -> None:
        waited = 0
        while waited < patience:
            waited += 1
            if _read(order) > served[0]:
                served[0] += 1
                _call(calls[2 * mine], calls[2 * mine + 1])
                _add_one(done)
                waited = 0
            elif waited % 64 == 0:
                _let_others_run()

    return kernel


def barrier(real: Any) -> Scalar:
    """Wait until all parties are here; `arrivals` counts them, and never goes back."""
    meet = inline(_wait_for)

    def kernel(arrivals: Array, parties: int) -> None:
        meet(arrivals, (_add_one(arrivals) // parties + 1) * parties)

    return kernel


def _wait_for(counter: Array, target: int) -> None:
    waited = 0
    while _read(counter) < target:
        waited += 1
        if waited % 64 == 0:
            _let_others_run()


@intrinsic  # type: ignore[untyped-decorator]
def _call(typing_context: Any, entry: Any, block: Any) -> Any:
    """Call a kernel's entry point with the address of its block."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte = ir.IntType(8).as_pointer()
        prototype = ir.FunctionType(ir.VoidType(), [byte])
        function = builder.inttoptr(arguments[0], prototype.as_pointer())
        builder.call(function, [builder.inttoptr(arguments[1], byte)])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@intrinsic  # type: ignore[untyped-decorator]
def _add_one(typing_context: Any, counter: Any) -> Any:
    """Add one to the first element, atomically, and return what it was."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        cell = make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.atomic_rmw("add", cell, ir.Constant(ir.IntType(64), 1), "seq_cst")

    return types.int64(counter), codegen


@intrinsic  # type: ignore[untyped-decorator]
def _read(typing_context: Any, counter: Any) -> Any:
    """Read the first element; what was written before its last change is visible then."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        cell = make_array(signature.args[0])(context, builder, arguments[0]).data
        if _PAUSE:
            nothing = ir.FunctionType(ir.VoidType(), [])
            builder.call(ir.InlineAsm(nothing, _PAUSE, "", side_effect=True), [])
        return builder.load_atomic(cell, "seq_cst", 8)

    return types.int64(counter), codegen


@intrinsic  # type: ignore[untyped-decorator]
def _let_others_run(typing_context: Any) -> Any:
    """Give the processor to a thread that has none (POSIX)."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        prototype = ir.FunctionType(ir.IntType(32), [])
        builder.call(get_or_insert_function(builder.module, prototype, "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), codegen
