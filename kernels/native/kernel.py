"""A kernel: a loop as machine code, compiled when it is first needed."""

import logging
import os
import threading
import time
from enum import IntEnum
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from . import gc_pause, loader, store
from .arguments import Block, Layout, address, pack, real_type

_log = logging.getLogger("gpubackprop")
_entries: dict[str, int] = {}  # entry points in this process, by kernel, variant and type
_lock = threading.Lock()
if hasattr(os, "register_at_fork"):  # a fork waits until nothing is half compiled
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )


class Launch(NamedTuple):
    """One call that is ready to run, any number of times."""

    entry: int
    """Address of the machine code."""
    block: Block
    """Its arguments."""
    keep: tuple[Any, ...]
    """The arrays that the block points into."""

    def run(self) -> None:
        """Run it once."""
        loader.call(self.entry, address(self.block))


class Kernel:
    """A loop that takes its arguments from a block.

    Parameters
    ----------
    factory : str
        Module and function in `kernels`, such as "loops.gather"; called with the floating-point
        type and the variant, it returns the loop.
    *layouts : Layout
        The loop's parameters.
    variant : tuple of IntEnum
        Constants that the loop is specialised for, such as the activation.
    """

    def __init__(self, factory: str, *layouts: Layout, variant: tuple[IntEnum, ...] = ()) -> None:
        self._module, _, self._factory = factory.partition(".")
        self._name = "_".join([self._factory, *(constant.name.lower() for constant in variant)])
        self._layouts = layouts
        self._variant = variant

    def launch(self, *arguments: Any) -> Launch:
        """Prepare a call."""
        block = pack(self._name, self._layouts, arguments)
        entry = self._entry(real_type(self._layouts, arguments))
        return Launch(entry, block, arguments)

    def _entry(self, real: np.dtype[Any]) -> int:
        name = f"{self._name}_{real.name}"
        if name not in _entries:
            with _lock:
                if name not in _entries:
                    symbol, code = store.read(name) or self._compile(name, real)
                    _entries[name] = loader.load(symbol, code)
        return _entries[name]

    def _compile(self, name: str, real: np.dtype[Any]) -> tuple[str, bytes]:
        started = time.perf_counter()
        with gc_pause.paused():
            # Numba is imported here and nowhere else: a warm process does without it.
            compiler = import_module(".compiler", __package__)
            module = import_module(f"..{self._module}", __package__)
            loop = getattr(module, self._factory)(real.type, *self._variant)
            symbol, code = compiler.compile_kernel(loop, self._layouts, real, name)
        store.write(name, symbol, code)
        _log.debug("compiled %s in %.2f s", name, time.perf_counter() - started)
        return symbol, code


def compiled_kernels() -> tuple[str, ...]:
    """Names of the machine code loaded so far, one for each kernel, variant and type."""
    return tuple(_entries)
