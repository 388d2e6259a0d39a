"""The machine that the numbers belong to."""

import os
import platform

from ..backends.environment import processor


def describe() -> str:
    """Processor, usable cores, system and Python, in one line."""
    system = f"{platform.system()} {platform.machine()}"
    python = platform.python_version()
    return f"cpu {processor()}, cores {usable_cores()}, system {system}, python {python}"


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
