"""The subcommands put together, and errors told in a line instead of a traceback."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from gpubackprop.cli.bench import bench
from gpubackprop.cli.errors import UserError
from gpubackprop.cli.explain import explain
from gpubackprop.cli.info import info
from gpubackprop.cli.predict import predict
from gpubackprop.cli.train import train


class PlainErrors(TyperGroup):
    """A command group that prints what the user can cure on stderr, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the subcommand."""
        from gpubackprop.files import WriteError
        from gpubackprop.table import TableError
        from gpubackprop.table.model_file import ModelFileError

        try:
            return super().invoke(ctx)
        except (UserError, ModelFileError, TableError, WriteError) as error:
            Console(stderr=True, highlight=False, soft_wrap=True).print(
                "[bold red]Error:[/]", str(error).replace("[", r"\[")
            )
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            Console(stderr=True).print("Interrupted: nothing more was done.")
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=PlainErrors,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Train scikit-learn's neural networks, faster.",
)
for command in (train, predict, info, explain, bench):
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
