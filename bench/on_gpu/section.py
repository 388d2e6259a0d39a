"""One table of the report: its cases, how a case is measured, how a row reads."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Figures = dict[str, Any]
"""What one case has given, as JSON keeps it."""


class Section(NamedTuple):
    """A table, one row a case."""

    name: str
    title: str
    header: list[str]
    cases: Sequence[str]
    cells: Callable[[Figures], list[str]]
    """A row of the table."""
    conclusions: Callable[[list[Figures]], list[str]] = lambda rows: []
    """Lines below it."""
