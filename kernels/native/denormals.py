"""Denormal numbers, taken for zero by one thread for a while: some processors need 100 cycles each.

Of IEEE 754's numbers these are the smallest, below 1.2e-38 in float32 and 2.2e-308 in float64.
"""

import platform
from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..numba_contract import get_or_insert_function

_WORD, _BYTES = ir.IntType(64), ir.IntType(8).as_pointer()


class _Register(NamedTuple):
    """What rules a thread's floating-point arithmetic on one architecture."""

    read: str
    write: str
    width: int
    flush: int
    """Bits that make denormal operands and results zero."""
    in_memory: bool
    """Whether the instructions take the address of a word, and not the word."""


_X86 = _Register("llvm.x86.sse.stmxcsr", "llvm.x86.sse.ldmxcsr", 32, 0x8040, in_memory=True)
_ARM = _Register("llvm.aarch64.get.fpcr", "llvm.aarch64.set.fpcr", 64, 1 << 24, in_memory=False)
_REGISTERS = {"x86_64": _X86, "AMD64": _X86, "aarch64": _ARM, "arm64": _ARM}
_REGISTER = _REGISTERS.get(platform.machine())
"""This machine's register, or None where denormal numbers stay what they are."""


@intrinsic  # type: ignore[untyped-decorator]
def flush_denormals(typing_context: Any) -> Any:
    """Take denormal numbers for zero in this thread; return its register as it was."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if _REGISTER is None:
            return ir.Constant(_WORD, 0)
        before = _read(builder, _REGISTER)
        _write(builder, _REGISTER, builder.or_(before, ir.Constant(_WORD, _REGISTER.flush)))
        return before

    return types.int64(), codegen


@intrinsic  # type: ignore[untyped-decorator]
def restore_denormals(typing_context: Any, before: Any) -> Any:
    """Set this thread's register to what it was."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if _REGISTER is not None:
            _write(builder, _REGISTER, arguments[0])
        return context.get_dummy_value()

    return types.void(types.int64), codegen


def _read(builder: Any, register: _Register) -> Any:
    """Emit code that reads the register."""
    word = ir.IntType(register.width)
    if register.in_memory:
        cell = builder.alloca(word)
        _call(builder, register.read, ir.VoidType(), builder.bitcast(cell, _BYTES))
        value = builder.load(cell)
    else:
        value = _call(builder, register.read, word)
    return builder.zext(value, _WORD)


def _write(builder: Any, register: _Register, value: Any) -> None:
    """Emit code that writes the register."""
    word = ir.IntType(register.width)
    value = builder.trunc(value, word)
    if register.in_memory:
        cell = builder.alloca(word)
        builder.store(value, cell)
        value = builder.bitcast(cell, _BYTES)
    _call(builder, register.write, ir.VoidType(), value)


def _call(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    prototype = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(get_or_insert_function(builder.module, prototype, name), arguments)
