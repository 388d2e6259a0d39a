"""How much memory a process takes, as the system counts it."""

import ctypes
import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_mb() -> float:
    """Largest resident memory so far; Linux' getrusage would count the parent's as well."""
    try:
        return _from_status("VmHWM:")
    except (OSError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1024 ** (2 if sys.platform == "darwin" else 1)


def start_anew() -> float:
    """Give free memory back, restart the count of `peak_mb` and return the memory in use.

    OSError if this system cannot.
    """
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _from_status("VmRSS:")


def _from_status(entry: str) -> float:
    return int(_STATUS.read_text(encoding="ascii").partition(entry)[2].split()[0]) / 1024
