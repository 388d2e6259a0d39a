"""One part of a report: what it asks, its cases, how one is measured, how it reads and looks."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from ..options import Options

Figures = dict[str, Any]
"""What one case has given, as JSON keeps it."""
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
    """Held while the cases are measured: it owns the processes that do it."""
    cells: Callable[[Figures], list[str]]
    """A row of the table."""
    conclusions: Callable[[list[Figures]], list[str]] = lambda rows: []
    """Sentences below it, the most important first; asked for where there are rows."""
    draw: Callable[[Any, list[Figures]], None] | None = None
    """Fill a matplotlib Figure."""
    needs_gpu: bool = False


def always(*cases: str) -> Callable[[Options], Sequence[str]]:
    """Make the same cases, whatever is asked for."""
    return lambda options: cases
