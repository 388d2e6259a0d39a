"""``gpubackprop info``: what this machine offers and what will be used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gpubackprop.cli.report import print_table


def info() -> None:
    """Say which devices, backends, BLAS and threads will be used."""
    from gpubackprop.backends.environment import describe

    _print(Console(), "gpubackprop", describe())


def _print(console: Console, title: str, facts: Mapping[str, Any]) -> None:
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
