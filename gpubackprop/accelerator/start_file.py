"""The file by which every Python of an environment obeys ``GPUBACKPROP_ACCELERATE=1``.

Python runs the lines of ``.pth`` files where it starts. Ours does nothing without the variable, and
keeps silent where gpubackprop has been uninstalled, or is one that knows nothing of it.
"""

import sysconfig
from pathlib import Path

_CODE = """try:
    from gpubackprop.accelerator.startup import begin
except ImportError:
    pass
else:
    begin()
"""
LINE = f'import os; os.environ.get("GPUBACKPROP_ACCELERATE") == "1" and exec({_CODE!r})\n'


def path() -> Path:
    """Where this environment's file is, or would be."""
    return Path(sysconfig.get_path("purelib")) / "gpubackprop-accelerate.pth"


def install() -> None:
    """Write the file."""
    path().write_text(LINE, encoding="utf-8")


def remove() -> bool:
    """Delete the file, and say whether there was one."""
    existed = path().exists()
    path().unlink(missing_ok=True)
    return existed
