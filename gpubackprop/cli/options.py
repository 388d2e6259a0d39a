"""How the subcommands read their options."""

from __future__ import annotations

from functools import partial
from math import isfinite
from pathlib import Path
from typing import Annotated, Literal

import typer

from gpubackprop.cli.errors import UserError
from gpubackprop.files import check_writable

of_table = partial(typer.Option, rich_help_panel="Your table")
of_network = partial(typer.Option, rich_help_panel="The network")
"""Options in a panel of the help."""

Encoding = Annotated[
    str | None, of_table(help="The encoding of a text that is not UTF-8: cp1252, utf-16.")
]
NoHeader = Annotated[
    bool,
    of_table("--no-header", help="The first row holds values; the columns are c1, c2, ..."),
]

TaskName = Literal["classification", "regression"]
PresetName = Literal["tabular", "scikit-learn"]
Activation = Literal["relu", "tanh", "logistic", "identity"]
Solver = Literal["adam", "sgd"]
Precision = Literal["float32", "float64"]


def sizes(option: str, text: str) -> tuple[int, ...]:
    """Read layer sizes such as ``256,128``."""
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or min(numbers) < 1:
        raise UserError(
            f"{option} {text}: whole numbers from 1, with commas between them: {option} 256,128"
        )
    return numbers


def check_output(output: Path, *inputs: Path) -> None:
    """Refuse, before any work is done, to write where it is impossible or over what is read."""
    check_writable(output)
    for path in inputs:
        if output.resolve() == path.resolve():
            raise UserError(f"{output} is an input and would be overwritten. Name another file.")


def require_positive(option: str, value: float | None) -> None:
    """Refuse an option's value that is given and is no finite number above 0."""
    if value is not None and not (isfinite(value) and value > 0):
        raise UserError(f"{option} {value:g}: a number above 0, such as 0.001")
