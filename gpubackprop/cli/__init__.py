"""The command line: ``gpubackprop train``, ``predict``, ``info`` and the others of `COMMANDS`."""

from __future__ import annotations

import importlib.util
import sys

COMMANDS = ("train", "predict", "info", "explain", "bench", "accelerate")
"""Names of the subcommands; `app` has their functions."""
_NEEDED = ("typer", "rich", "pandas", "skops")


def main() -> None:
    """Run the command line; the packages it needs are imported only now."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(
            f"The command line needs {', '.join(missing)}: pip install {' '.join(missing)}, or "
            "pip install '.[cli]' in a checkout of gpubackprop",
            file=sys.stderr,
        )
        raise SystemExit(2)
    from gpubackprop.cli.app import app
    from gpubackprop.cli.terminal import prepare

    for stream in (sys.stdout, sys.stderr):
        prepare(stream)
    app()
