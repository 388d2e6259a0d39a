"""Python started anew, as a test needs it that watches imports, workers or exits."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

GENEROUS = 300
"""Seconds until a process that hangs is given up."""
_OURS = ("GPUBACKPROP_ACCELERATE", "GPUBACKPROP_PROFILE", "GPUBACKPROP_DEVICE")

Done = subprocess.CompletedProcess[str]


def python(*arguments: str, folder: Path, text: str = "", **environment: str) -> Done:
    """Run Python with arguments, in a folder, and give it text to read."""
    inherited = {name: value for name, value in os.environ.items() if name not in _OURS}
    return subprocess.run(
        [sys.executable, *arguments],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=GENEROUS,
        cwd=folder,
        env={**inherited, "OPENBLAS_NUM_THREADS": "1", **environment},
    )


def lines(code: str, folder: Path, **environment: str) -> list[str]:
    """Run code and return what it prints; it must succeed without a word on stderr."""
    done = python("-W", "error", "-c", textwrap.dedent(code), folder=folder, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()
