"""A section as it reads, before it becomes a page."""

from typing import Any, NamedTuple

from ..goals import unjudged
from .section import Figures, Section

Kept = dict[str, Any]
"""What the report keeps of a section: the machine, its rows, and why rows are missing."""


class Part(NamedTuple):
    """Words of a section."""

    name: str
    title: str
    about: str
    header: list[str]
    rows: list[list[str]]
    lines: list[str]
    """Conclusions, and why rows are missing."""
    machine: str
    picture: str | None
    """SVG, as text."""


def part_of(section: Section, kept: Kept, drawn: str | None = None) -> Part:
    """Put what was measured of a section into words."""
    rows, missing = kept["rows"], kept["missing"]
    lines = _concluded(section, rows) if rows else []
    lines += [f"{case}: not measured, {reason}" for case, reason in missing.items()]
    table = without_empty_columns(section.header, [cells(section, figures) for figures in rows])
    return Part(section.name, section.title, section.about, *table, lines, kept["machine"], drawn)


def cells(section: Section, figures: Figures) -> list[str]:
    """Write a row of the table; no goal is judged by toy sizes."""
    found = section.cells(figures)
    return list(map(unjudged, found)) if figures.get("toy") else found


def _concluded(section: Section, rows: list[Figures]) -> list[str]:
    """Conclude; a section that cannot must not cost the report its rows."""
    try:
        said = section.conclusions(rows)
    except ArithmeticError as error:
        return [f"nothing can be concluded: {error}"]
    return list(map(unjudged, said)) if any(figures.get("toy") for figures in rows) else said


def without_empty_columns(
    header: list[str], rows: list[list[str]]
) -> tuple[list[str], list[list[str]]]:
    """Leave out columns that are empty in every row."""
    used = [at for at in range(len(header)) if any(row[at] for row in rows)]
    return [header[at] for at in used], [[row[at] for at in used] for row in rows]
