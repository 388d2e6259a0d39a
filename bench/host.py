"""The machine that the numbers belong to."""

import os
import platform
from pathlib import Path


def describe() -> dict[str, str]:
    """Processor, usable cores, system and Python."""
    return {
        "cpu": _cpu_name(),
        "cores": str(usable_cores()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def sentence() -> str:
    """The same in one line."""
    return ", ".join(f"{name} {value}" for name, value in describe().items())


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
