"""``gpubackprop accelerate``: let every Python of this environment obey an environment variable."""

from __future__ import annotations

from typing import Annotated

import typer

from gpubackprop.accelerator import start_file
from gpubackprop.cli.errors import UserError


def accelerate(
    install: Annotated[
        bool,
        typer.Option("--install", help="Write a .pth file that Python reads where it starts."),
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Delete that file again.")] = False,
) -> None:
    """Accelerate scikit-learn's MLPClassifier and MLPRegressor where GPUBACKPROP_ACCELERATE=1.

    To accelerate one script, nothing has to be installed: python -m gpubackprop script.py.
    """
    if install and remove:
        raise UserError("--install and --remove contradict each other: give one of them")
    path = start_file.path()
    try:
        if install:
            start_file.install()
        elif remove:
            start_file.remove()
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
    if path.exists():
        typer.echo(f"GPUBACKPROP_ACCELERATE=1 accelerates every Python that reads {path}")
    else:
        typer.echo("GPUBACKPROP_ACCELERATE has no effect; --install changes that")
