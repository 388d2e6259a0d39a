"""The report: what was measured, kept on disk from the first row on."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ...files import write_atomically
from .html import page
from .markdown import document
from .part import Kept, Part, part_of
from .pictures import svg
from .section import Figures, Section


class Report:
    """Figures by section in report.json, and the pages made of them: report.md, report.html.

    Sections that an earlier run has left in the folder stay. The machine is told in one line.
    """

    def __init__(self, folder: Path, machine: str, sections: Iterable[Section]) -> None:
        self._folder, self._machine = folder, machine
        self._sections = {section.name: section for section in sections}
        self._kept: dict[str, Kept] = {}
        self._unread: dict[str, Any] = {}  # rows of another release: not shown, and not lost
        for name, kept in _read(folder / "report.json").items():
            known = name in self._sections and _reads(self._sections[name], kept)
            (self._kept if known else self._unread)[name] = kept
        self._begun: dict[str, Kept] = {}
        self._left_out: dict[str, str] = {}
        self._pictures: dict[str, str] = {}

    def begin(self, section: str) -> None:
        """Replace the section's earlier rows by those that are added from now on."""
        self._begun[section] = {"machine": self._machine, "rows": [], "missing": {}}

    def add(self, section: str, figures: Figures) -> None:
        """Keep a row."""
        self._anew(section)["rows"].append(figures)
        self._save()

    def miss(self, section: str, case: str, reason: str) -> None:
        """Keep the reason for a row that is missing."""
        self._anew(section)["missing"][case] = reason
        self._save()

    def leave_out(self, section: str, reason: str) -> None:
        """Say why a section is not measured; rows of an earlier run stay."""
        self._left_out[section] = reason

    def _anew(self, section: str) -> Kept:
        """Return this run's rows of a section; an earlier run's are forgotten only now."""
        self._unread.pop(section, None)
        self._kept[section] = self._begun[section]
        return self._kept[section]

    def finish(self) -> Path:
        """Write the pages, with pictures if matplotlib is installed; returns the page to open."""
        for name, kept in self._kept.items():
            section = self._sections[name]
            if kept["rows"] and section.draw is not None:
                self._draw(section, kept["rows"])
        html = self._folder / "report.html"
        write_atomically(html, page(self.parts()).encode())
        for name, drawn in self._pictures.items():
            path = self._folder / "pictures" / f"{name}.svg"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, drawn.encode())
        self._save()
        return html

    def parts(self) -> list[Part]:
        """Return the measured sections in the report's order, then those left out."""
        known = [
            part_of(section, self._kept[name], self._pictures.get(name))
            for name, section in self._sections.items()
            if name in self._kept
        ]
        unknown = [
            f"{self._sections[name].title}: {reason}"
            for name, reason in self._left_out.items()
            if name not in self._kept
        ]
        left_out = Part("left_out", "Not measured", "", [], [], unknown, self._machine, None)
        return [*known, *([left_out] if unknown else [])]

    def _draw(self, section: Section, rows: list[Figures]) -> None:
        try:
            self._pictures[section.name] = svg(section, rows).decode()
        except Exception:  # no matplotlib, or rows of another release: the report has its tables
            return

    def _save(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        kept = json.dumps({**self._unread, **self._kept}, indent=1)
        write_atomically(self._folder / "report.json", f"{kept}\n".encode())
        write_atomically(self._folder / "report.md", document(self.parts()).encode())


def _read(path: Path) -> dict[str, Kept]:
    """Read what an earlier run has kept; nothing if that cannot be read."""
    try:
        kept: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _reads(section: Section, kept: Kept) -> bool:
    """Whether this release can show the rows of an earlier run."""
    try:
        document([part_of(section, kept)])
    except Exception:
        return False
    return True
