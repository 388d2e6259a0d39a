"""Object files to callable addresses, with llvmlite alone."""

import ctypes
import os
import threading
from contextlib import suppress
from functools import cache
from typing import Any

import llvmlite.binding as llvm

from .targets import Target, own_target

_lock = threading.Lock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )
_engines: list[Any] = []  # an engine owns its machine code: keep it as long as the process

_PROTOTYPE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


@cache
def initialise() -> None:
    """Set LLVM up for this processor, inline assembly included."""
    with suppress(RuntimeError):  # newer llvmlite does this by itself, and says so
        llvm.initialize()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()


def target_machine(target: Target) -> Any:
    """Make a code generator."""
    initialise()
    return llvm.Target.from_default_triple().create_target_machine(**target._asdict(), opt=3)


def entry_symbol(name: str) -> str:
    """Symbol where the machine code of a kernel begins."""
    return f"gpubackprop_{name}"


class Library:
    """An object file, linked into the process for as long as that lives.

    RuntimeError if it is none.
    """

    def __init__(self, code: bytes) -> None:
        with _lock:
            empty = llvm.parse_assembly("")
            self._engine = llvm.create_mcjit_compiler(empty, target_machine(own_target()))
            self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
            self._engine.finalize_object()
            _engines.append(self._engine)

    def address(self, symbol: str) -> int | None:
        """Address of a symbol, or None if the module has none of this name."""
        with _lock:
            return int(self._engine.get_function_address(symbol)) or None


def load(symbol: str, code: bytes) -> int:
    """Link one object file into the process and return the address of `symbol`.

    RuntimeError if it is no object file, or has no such symbol.
    """
    address = Library(code).address(symbol)
    if address is None:
        raise RuntimeError(f"the object file has no {symbol}")
    return address


def call(entry: int, block: int) -> None:
    """Run machine code on a block of arguments; the interpreter lock is released meanwhile."""
    _PROTOTYPE(entry)(block)
