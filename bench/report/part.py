"""A section as it reads, before it becomes a page."""

from typing import NamedTuple


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
