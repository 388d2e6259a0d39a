"""The command line's subcommands; errors are a line instead of a traceback."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from gpubackprop.cli.accelerate import accelerate
from gpubackprop.cli.bench import bench
from gpubackprop.cli.errors import UserError
from gpubackprop.cli.explain import explain
from gpubackprop.cli.info import info
from gpubackprop.cli.predict import predict
from gpubackprop.cli.terminal import Terminal
from gpubackprop.cli.train import train


class PlainErrors(TyperGroup):
    """A command group that prints errors that the user can mend on stderr, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the subcommand."""
        from gpubackprop.files import WriteError
        from gpubackprop.table import TableError
        from gpubackprop.table.model_file import ModelFileError

        try:
            return super().invoke(ctx)
        except (UserError, ModelFileError, TableError, WriteError) as error:
            Terminal(stderr=True).print(f"[bold red]Error:[/] {escape(str(error))}")
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            Terminal(stderr=True).print("Interrupted: nothing more was done.")
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=PlainErrors,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Train scikit-learn's neural networks, faster.",
)
for command in (train, predict, info, explain, bench, accelerate):
    app.command()(command)


def _version(wanted: bool) -> None:
    if wanted:
        import gpubackprop

        typer.echo(f"gpubackprop {gpubackprop.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Train scikit-learn's neural networks, faster."""
