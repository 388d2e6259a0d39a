"""Object files to callable addresses, with llvmlite alone."""

import ctypes
import os
import threading
from contextlib import suppress
from functools import cache
from typing import Any

import llvmlite.binding as llvm

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


def target_machine() -> Any:
    """Code generator for this very processor."""
    initialise()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=host_features(), opt=3
    )


def host_features() -> str:
    """Instruction sets of this processor, as LLVM writes them."""
    return str(llvm.get_host_cpu_features().flatten())


def host_name() -> str:
    """Name of this processor's family, as LLVM knows it."""
    return str(llvm.get_host_cpu_name())


def entry_symbol(name: str) -> str:
    """Symbol where the machine code of a kernel begins."""
    return f"gpubackprop_{name}"


def load(symbol: str, code: bytes) -> int:
    """Link one object file into the process and return the address of `symbol`.

    Raises
    ------
    RuntimeError
        If it is no object file, or has no such symbol.
    """
    with _lock:
        empty = llvm.parse_assembly("")
        engine = llvm.create_mcjit_compiler(empty, target_machine())
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        engine.finalize_object()
        _engines.append(engine)
        address = int(engine.get_function_address(symbol))
    if not address:
        raise RuntimeError(f"the object file has no {symbol}")
    return address


def call(entry: int, block: int) -> None:
    """Run machine code on a block of arguments; the interpreter lock is released meanwhile."""
    _PROTOTYPE(entry)(block)
