"""One part of a report: its question, its cases, their measurement, its words and picture."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from ..options import Options

Figures = dict[str, Any]
"""Results of one case, as JSON keeps them."""
Measure = Callable[[str], Figures]
"""Measures one case."""


class Section(NamedTuple):
    """A table with a row for each case, sentences below it, and a picture."""

    name: str
    """For `--only`."""
    title: str
    about: str
    """What is measured and how to read it, in a sentence or two."""
    header: list[str]
    cases: Callable[[Options], Sequence[str]]
    measuring: Callable[[Options], AbstractContextManager[Measure]]
    """Context in which the cases are measured: it owns the measuring processes."""
    cells: Callable[[Figures], list[str]]
    """A row of the table."""
    conclusions: Callable[[list[Figures]], list[str]] = lambda rows: []
    """Sentences below the table, the most important first; called if it has rows."""
    draw: Callable[[Any, list[Figures]], None] | None = None
    """Fill a matplotlib Figure."""
    needs_gpu: bool = False


def always(*cases: str) -> Callable[[Options], Sequence[str]]:
    """Return the same cases for all options."""
    return lambda options: cases
