"""A command that mpiexec or srun has started several times: all work, the first one speaks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from typing import Any, TypeVar

import typer

from gpubackprop.cli.errors import UserError

Command = TypeVar("Command", bound=Callable[..., Any])


def together(command: Command) -> Command:
    """Let the processes that a launcher started together train together within a command.

    What the user has to mend is said once, by the first process.
    """

    @wraps(command)
    def run(*args: Any, **named: Any) -> Any:
        from gpubackprop.distributed.block import data_parallel
        from gpubackprop.distributed.finding import started_together
        from gpubackprop.files import WriteError
        from gpubackprop.table import TableError

        group: Any = None
        try:
            with data_parallel() if started_together() > 1 else nullcontext() as group:
                return command(*args, **named)
        except (UserError, TableError, WriteError):
            if group is None or group.index == 0:
                raise
            raise typer.Exit(1) from None

    return run  # type: ignore[return-value]
