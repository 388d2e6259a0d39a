"""Calls of loops as machine code: shipped, kept, or compiled when it is first needed."""

import logging
import os
import threading
import time
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from ..kernel import Kernel
from . import gc_pause, loader, requirements, shipped, store
from .arguments import Block, address, address_slots, pack

_log = logging.getLogger("gpubackprop")
_entries: dict[str, int] = {}  # entry points in this process, by kernel, variant and type
_lock = threading.Lock()
if hasattr(os, "register_at_fork"):  # a fork waits until nothing is half compiled
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )


@dataclass(eq=False, slots=True)
class LoopLaunch:
    """A call of a loop that is ready to run, any number of times, by Python or by machine code."""

    name: str
    """Of the loop's machine code."""
    entry: int
    """Address of the machine code."""
    block: Block
    """Its arguments."""
    address_slots: tuple[int, ...]
    """Slots of the block that hold where an array begins."""
    keep: tuple[Any, ...]
    """What has to live as long, besides the block: the arrays that are read and written."""

    def run(self) -> None:
        """Run it once."""
        loader.call(self.entry, address(self.block))


def launch(kernel: Kernel, /, *keep: Any, **arguments: Any) -> LoopLaunch:
    """Prepare a call of a loop; `keep` lives as long as the launch, besides the arguments."""
    block, real = pack(kernel, arguments), kernel.real(arguments)
    return launch_of(kernel, real, block, (*arguments.values(), *keep))


def launch_of(
    kernel: Kernel, real: np.dtype[Any], block: Block, keep: tuple[Any, ...]
) -> LoopLaunch:
    """Prepare a call of a loop whose block `pack` has filled."""
    name = kernel.name(real)
    return LoopLaunch(name, _entry(name, kernel, real), block, address_slots(kernel), keep)


def _entry(name: str, kernel: Kernel, real: np.dtype[Any]) -> int:
    if name not in _entries:
        with _lock:
            if name not in _entries:
                _entries[name] = (
                    shipped.entry(loader.entry_symbol(name))
                    or _load_kept(name)
                    or loader.load(*_compile(name, kernel, real))
                )
    return _entries[name]


def _load_kept(name: str) -> int | None:
    """Address of a kernel that is in the store; None if it is not, or is another's code."""
    symbol, code = store.read(name) or (None, b"")
    if symbol != loader.entry_symbol(name):
        return None
    try:
        return loader.load(symbol, code)
    except RuntimeError as reason:
        _log.debug("compiled %s is not used: %s", name, reason)
        return None


def _compile(name: str, kernel: Kernel, real: np.dtype[Any]) -> tuple[str, bytes]:
    started = time.perf_counter()
    symbol, code = gc_pause.without(partial(_object_file, kernel, real))
    store.write(name, symbol, code)
    _log.debug("compiled %s in %.2f s", name, time.perf_counter() - started)
    return symbol, code


def _object_file(kernel: Kernel, real: np.dtype[Any]) -> tuple[str, bytes]:
    with requirements.importing():
        # Numba is imported here and nowhere else: a warm process does without it.
        compiler = import_module(".compiler", __package__)
    made: tuple[str, bytes] = compiler.compile_kernel(kernel, real)
    return made


def compiled_kernels() -> tuple[str, ...]:
    """Names of the machine code loaded so far, one for each kernel, variant and type."""
    return tuple(_entries)
