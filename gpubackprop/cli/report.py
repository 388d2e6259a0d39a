"""Scores of a trained model beside those of trivial guesses, and its confusions."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gpubackprop.table import Task

Array = np.ndarray[Any, Any]

WIDEST_MATRIX = 12
"""More classes than this make a list of the commonest confusions, not a matrix."""


MANY_COLUMNS = 10_000
"""More than any terminal has: what a table would take if it could."""


def scores(task: Task, truth: Array, predicted: Array) -> dict[str, float]:
    """Score predictions.

    Parameters
    ----------
    task : {"classification", "regression"}
        What the predictions are.
    truth, predicted : ndarray of shape (n_rows,)
        The target and its predictions, in the target's own unit.

    Returns
    -------
    dict of str to float
        ``accuracy``; or ``rmse`` and ``r2``.
    """
    if task == "classification":
        return {"accuracy": float(np.mean(truth == predicted))}
    error = float(np.mean((truth - predicted) ** 2))
    variance = float(np.var(truth))
    r2 = 1 - error / variance if variance else float("nan")
    return {"rmse": error**0.5, "r2": r2}


def trivial_scores(task: Task, train: Array, truth: Array) -> dict[str, float]:
    """Score the guess that looks at no column: the commonest class, or the mean."""
    if task == "classification":
        labels, counts = np.unique(train, return_counts=True)
        guess = labels[counts.argmax()]
    else:
        guess = train.mean()
    return scores(task, truth, np.full(len(truth), guess))


def plain(value: float) -> str:
    """Write four significant digits, without an exponent where people use none."""
    return f"{float(f'{value:.4g}'):.10g}"


def print_scores(
    console: Console, found: dict[str, float], trivial: dict[str, float], n_rows: int
) -> None:
    """Print a model's scores on the test rows beside the trivial ones."""
    console.print()
    if "accuracy" in found:
        console.print(
            f"Test accuracy [bold]{found['accuracy']:.3f}[/] on {n_rows} rows "
            f"(always guessing the commonest class: {trivial['accuracy']:.3f})"
        )
    else:
        console.print(
            f"Test RMSE [bold]{plain(found['rmse'])}[/], R² [bold]{found['r2']:.3f}[/] on {n_rows} "
            f"rows (always guessing the mean: RMSE {plain(trivial['rmse'])})"
        )


def print_confusions(console: Console, truth: Array, predicted: Array) -> None:
    """Print which classes were taken for which: as a matrix if it fits, else as a list."""
    labels, codes = np.unique(np.concatenate([truth, predicted]), return_inverse=True)
    counts = np.zeros((len(labels), len(labels)), dtype=int)
    np.add.at(counts, (codes[: len(truth)], codes[len(truth) :]), 1)
    zero = "." if console.options.ascii_only else "·"
    matrix = _matrix(labels, counts, zero) if len(labels) <= WIDEST_MATRIX else None
    if matrix is not None and _fits(console, matrix):
        print_table(console, "Confusion matrix (rows: true, columns: predicted)", matrix)
    else:
        _print_commonest(console, labels, counts)


def _fits(console: Console, table: Table) -> bool:
    """Whether a table finds room without breaking words."""
    unbounded = console.options.update(width=MANY_COLUMNS)
    return console.measure(table, options=unbounded).minimum <= console.width


def print_table(console: Console, title: str, table: Table) -> None:
    """Print a table in the common style; its title may be wider than the table."""
    table.box = box.ROUNDED
    console.print(f"\n{title}")
    console.print(table)


def _matrix(labels: Array, counts: Array, zero: str) -> Table:
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


def _print_commonest(console: Console, labels: Array, counts: Array, most: int = 10) -> None:
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
