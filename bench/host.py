"""The machine that the numbers belong to."""

import os
import platform

from ..backends.environment import blas, processor


def describe() -> str:
    """Processor, usable cores, system, Python and the BLAS of our products, in one line."""
    system = f"{platform.system()} {platform.machine()}"
    python = platform.python_version()
    machine = f"cpu {processor()}, cores {usable_cores()}, system {system}"
    return f"{machine}, python {python}, products by {blas()['library']}"


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
