"""Python's garbage collector, out of the way of compilers and of captures."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Hold the collector back.

    A compiler's many objects would be searched again and again; what is freed while a CUDA Graph is
    captured would be recorded in it.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()
