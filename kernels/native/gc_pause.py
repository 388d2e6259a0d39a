"""Python's garbage collector, out of the way of compilers and of captures."""

import gc
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def without(work: Callable[[], Result]) -> Result:
    """Do work with the collector held back.

    A compiler's many objects would be searched again and again; what is freed while a CUDA Graph is
    captured would be recorded in it.
    """
    running = gc.isenabled()
    try:
        gc.disable()
        return work()
    finally:
        if running:
            gc.enable()
