"""The command line: ``gpubackprop train``, ``predict``, ``info`` and ``explain``."""

from __future__ import annotations

import importlib.util
import io
import sys

_NEEDED = ("typer", "rich", "pandas", "skops")


def main() -> None:
    """Run the command line; what it needs is imported here and nowhere before."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(
            f"The command line needs {', '.join(missing)}: pip install 'gpubackprop[cli]'",
            file=sys.stderr,
        )
        raise SystemExit(2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without σ shows ?, and goes on
    from gpubackprop.cli.app import app

    app()
