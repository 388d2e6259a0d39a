"""``gpubackprop info``: the machine's devices and libraries, a model, or a training's memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from gpubackprop.algorithm.checkpointing import Checkpoint, interval
from gpubackprop.cli.errors import UserError
from gpubackprop.cli.options import Precision, Solver, sizes
from gpubackprop.cli.report import print_table
from gpubackprop.cli.terminal import Terminal

if TYPE_CHECKING:
    from gpubackprop.table import Column


def info(
    model: Annotated[
        Path | None,
        typer.Argument(help="A file that 'gpubackprop train' saved. Without it: this machine."),
    ] = None,
    plan: Annotated[
        str | None,
        typer.Option(
            metavar="SIZES",
            help="Print the GPU memory that training a network takes: inputs, hidden layers and "
            "outputs, such as 784,512,10.",
        ),
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="Training examples of the plan.")] = 60_000,
    batch_size: Annotated[int, typer.Option(min=1, help="Mini-batch of the plan.")] = 200,
    solver: Annotated[Solver, typer.Option(help="Optimizer of the plan.")] = "adam",
    precision: Annotated[Precision, typer.Option(help="Type of the plan.")] = "float32",
    checkpoint: Annotated[
        str | None,
        typer.Option(
            metavar="sqrt|K",
            help="Plan to keep the activations of every K-th layer and compute the others again.",
        ),
    ] = None,
) -> None:
    """Show the devices, backends, BLAS and threads in use; a model; or a training's GPU memory."""
    if model is not None:
        _print(Terminal(), str(model), _model(model))
        Terminal().print(f"\nNext: gpubackprop predict {escape(str(model))} FILE")
        return
    if plan is None:
        from gpubackprop.backends.environment import describe

        _print(Terminal(), "gpubackprop", describe())
        Terminal().print("\nNext: gpubackprop train, or gpubackprop train FILE --target COLUMN")
        return
    layers = sizes("--plan", plan)
    if len(layers) < 2:
        raise UserError(f"--plan {plan}: at least inputs and outputs: --plan 64,10")
    moments, kept = 2 if solver == "adam" else 1, _checkpoint(checkpoint)
    facts = _memory(layers, rows, min(batch_size, rows), precision, moments, kept)
    _print(Terminal(), "memory", facts)


def _model(path: Path) -> dict[str, Any]:
    """Describe a model file."""
    from gpubackprop.cli.report import plain
    from gpubackprop.table import listing
    from gpubackprop.table.model_file import load

    bundle = load(path)
    network, *others = bundle.networks
    sizes = [len(network.coefs_[0]), *(len(bias) for bias in network.intercepts_)]
    facts: dict[str, Any] = {"predicts": f"{bundle.target} ({bundle.task})"}
    if bundle.classes is not None:
        facts["classes"] = listing(bundle.classes, 20)
    facts["network"] = f"{type(network).__name__}, {' - '.join(map(str, sizes))} units"
    if others:
        facts["network"] += f"; it predicts the mean of {1 + len(others)} such networks"
    facts["epochs"] = str(network.n_iter_)
    for name, value in bundle.metrics.items():
        facts[name.replace("_", " ").replace("rmse", "RMSE").replace("r2", "R²")] = plain(value)
    facts |= {f"trained with {name}": version for name, version in bundle.versions.items()}
    facts["columns"] = {column.name: _read_as(column) for column in bundle.columns}
    return facts


def _read_as(column: Column) -> str:
    """Say what a model reads a column as."""
    parts = ", ".join(part for part in column.parts if part != "missing")
    gaps = ", with gaps" if "missing" in column.parts else ""
    return f"{column.kind}{gaps}: {parts}" if parts else f"{column.kind}{gaps}"


def _checkpoint(text: str | None) -> Checkpoint:
    """Read --checkpoint as the estimators take it."""
    if text is None:
        return None
    if text == "sqrt":
        return "sqrt"
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise UserError(f"--checkpoint {text}: sqrt, or a whole number from 1")


def _memory(
    layers: tuple[int, ...],
    rows: int,
    batch_size: int,
    precision: str,
    moments: int,
    checkpoint: Checkpoint,
) -> dict[str, str]:
    """Describe a plan, for this machine's GPU or for one of unlimited memory."""
    from gpubackprop.backends.cuda import detection
    from gpubackprop.training.memory_plan import mebibytes, plan

    usable, reason = detection.status()
    room: Any = SimpleNamespace(row_bytes=16, keeps_epoch=True, available=lambda: None)
    if usable:
        from gpubackprop.backends.cuda.backend import backend

        room = backend(0).memory
    try:
        planned = plan(layers, rows, batch_size, precision, moments, room, checkpoint=checkpoint)
    except MemoryError as error:
        raise UserError(str(error)) from None
    kept = interval(len(layers) - 1, checkpoint)
    every = "" if kept is None else f", one layer in {kept} kept"
    window = f"{planned.window:,} rows at a time, twice" if planned.window else "all rows"
    return {
        "parameters and training state": mebibytes(planned.parameters),
        "activations and errors": f"{mebibytes(planned.workspace)}, {planned.part:,} examples"
        f"{every}{planned.offer}",
        "data": f"{mebibytes(planned.data)}, {window}",
        "libraries": mebibytes(planned.margin),
        "together": mebibytes(planned.total),
        "free": mebibytes(planned.available) if planned.available is not None else reason,
    }


def _print(console: Terminal, title: str, facts: Mapping[str, Any]) -> None:
    """Print a table of a mapping's plain values, then one of each mapping in it."""
    table = Table(show_header=False, min_width=60)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    nested = {name: value for name, value in facts.items() if isinstance(value, Mapping)}
    for name, value in facts.items():
        if name not in nested:
            table.add_row(escape(str(name)), escape(str(value)))
    if table.row_count:
        print_table(console, escape(title), table)
    for name, value in nested.items():
        _print(console, str(name), value)
