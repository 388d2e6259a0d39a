"""Print what a test found: scores beside trivial ones, confusions, and the columns' weight."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gpubackprop.cli.scores import Array, Outcome
from gpubackprop.table import counted

WIDEST_MATRIX = 12
"""More classes than this make a list of the commonest confusions, not a matrix."""

_LABEL_WIDTHS = (24, 12, 7)
"""Characters that the names of classes may have, the fewer the less room they find."""

MANY_COLUMNS = 10_000
"""More than any terminal has: what a table would take if it could."""


def plain(value: float, digits: int = 4) -> str:
    """Write a few significant digits, without an exponent where people use none."""
    return f"{float(f'{value:.{digits}g}'):.10g}"


def print_test(console: Console, test: Outcome) -> None:
    """Print the scores beside trivial ones, and how sure they are; first if they are no better."""
    found, trivial = test.scores(), test.trivial_scores()
    name = "accuracy" if test.task == "classification" else "r2"
    spread, sure = _uncertainty(test)
    console.print()
    if not found[name] > trivial[name]:
        guess = "the commonest class" if name == "accuracy" else "the mean"
        worse = "Worse than" if found[name] < trivial[name] else "No better than"
        console.print(f"[bold red]{worse} always guessing {guess}.[/]")
    console.print(_headline(test, found, trivial, spread))
    console.print(f"  {sure}")


def _headline(
    test: Outcome, found: dict[str, float], trivial: dict[str, float], spread: dict[str, str]
) -> str:
    where = f"on {len(test.truth)} rows" if len(test.parts) == 1 else "in cross-validation"
    if test.task == "classification":
        return (
            f"Test accuracy [bold]{found['accuracy']:.3f}[/] ({spread['accuracy']}) {where} "
            f"(always guessing the commonest class: {trivial['accuracy']:.3f})"
        )
    return (
        f"Test R² [bold]{found['r2']:.3f}[/] ({spread['r2']}), "
        f"RMSE [bold]{plain(found['rmse'])}[/] {where} "
        f"(always guessing the mean: RMSE {plain(trivial['rmse'])})"
    )


def _uncertainty(test: Outcome) -> tuple[dict[str, str], str]:
    """Write how sure each score is, and say what that means."""
    if len(test.parts) > 1:
        spread = {name: f"± {value:.3f}" for name, value in test.spread().items()}
        return spread, (
            f"mean and standard deviation of {len(test.parts)} models, each tested on the fifth "
            "of the rows that it did not learn from; the saved one learnt from all"
        )
    bounds = {name: f"{low:.3f} to {high:.3f}" for name, (low, high) in test.interval().items()}
    return bounds, "in parentheses: where 95 % of the scores lie when the test rows are drawn anew"


def print_importances(console: Console, lost: dict[str, float], score: str, most: int = 5) -> None:
    """Print what the score loses without the columns that matter most."""
    if lost:
        first = [f"{escape(name)} {plain(loss, 2)}" for name, loss in list(lost.items())[:most]]
        more = f", {counted(len(lost) - most, 'other')} less" if len(lost) > most else ""
        console.print(f"\nLoss of {score} when a column is shuffled: {', '.join(first)}{more}")


def print_confusions(console: Console, truth: Array, predicted: Array) -> None:
    """Print which classes were taken for which: as a matrix if it fits, else as a list."""
    labels, codes = np.unique(np.concatenate([truth, predicted]), return_inverse=True)
    counts = np.zeros((len(labels), len(labels)), dtype=int)
    np.add.at(counts, (codes[: len(truth)], codes[len(truth) :]), 1)
    zero = "." if console.options.ascii_only else "·"
    if len(labels) <= WIDEST_MATRIX:
        for width in _LABEL_WIDTHS:
            matrix = _matrix(shortened(labels, width), counts, zero)
            if _fits(console, matrix):
                print_table(console, "Confusion matrix (rows: true, columns: predicted)", matrix)
                return
    _print_commonest(console, shortened(labels, _LABEL_WIDTHS[0]), counts)


def shortened(labels: Iterable[object], width: int) -> list[str]:
    """Shorten texts to a width, all to their ends or beginnings that still differ.

    Examples
    --------
    >>> shortened(["Department of Law", "Department of Art"], 12)
    ['Department…w', 'Department…t']
    """
    texts = [str(label) for label in labels]
    for head in range(width - 1, -1, -1):
        tail = width - 1 - head
        short = [
            text if len(text) <= width else f"{text[:head]}…{text[len(text) - tail :]}"
            for text in texts
        ]
        if len(set(short)) == len(set(texts)):
            return short
    return texts


def _fits(console: Console, table: Table) -> bool:
    """Whether a table finds room without breaking lines."""
    unbounded = console.options.update(width=MANY_COLUMNS)
    return console.measure(table, options=unbounded).maximum <= console.width


def print_table(console: Console, title: str, table: Table) -> None:
    """Print a table in the common style; its title may be wider than the table."""
    table.box = box.ROUNDED
    console.print(f"\n{title}")
    console.print(table)


def _matrix(labels: Sequence[str], counts: Array, zero: str) -> Table:
    table = Table()
    table.add_column("", style="bold")
    for label in labels:
        table.add_column(_escaped(label), justify="right")
    table.add_column("found", justify="right", style="dim")
    for i, label in enumerate(labels):
        total = counts[i].sum()
        cells = [_cell(int(count), i == j, zero) for j, count in enumerate(counts[i])]
        table.add_row(_escaped(label), *cells, f"{counts[i, i] / total:.0%}" if total else "-")
    return table


def _cell(count: int, right: bool, zero: str) -> str:
    if not count:
        return f"[dim]{zero}[/]"
    return f"[green]{count}[/]" if right else f"[red]{count}[/]"


def _print_commonest(
    console: Console, labels: Sequence[str], counts: Array, most: int = 10
) -> None:
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = [(i, j) for i, j in zip(*np.unravel_index(order, wrong.shape), strict=True)]
    if not wrong.any():
        console.print(f"\nNone of the {len(labels)} classes was mistaken for another.")
        return
    table = Table()
    for heading in ("true", "predicted"):
        table.add_column(heading)
    table.add_column("rows", justify="right")
    for i, j in pairs:
        if wrong[i, j]:
            table.add_row(_escaped(labels[i]), _escaped(labels[j]), str(wrong[i, j]))
    title = f"Commonest of {wrong.sum()} confusions among {len(labels)} classes"
    print_table(console, title, table)


def _escaped(label: object) -> str:
    return escape(str(label))
