"""Python's garbage collector, out of the compiler's way."""

import gc
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def without(work: Callable[[], Result]) -> Result:
    """Hold the collector back: a compiler's many objects would be searched again and again."""
    running = gc.isenabled()
    try:
        gc.disable()
        return work()
    finally:
        if running:
            gc.enable()
