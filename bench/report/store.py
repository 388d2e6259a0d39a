"""The report: what was measured, kept on disk from the first row on."""

import json
import re
from pathlib import Path
from typing import Any

from ..report.section import Figures, Section
from ..report.tables import save_json, save_text, table


class Report:
    """Rows by section, in a JSON file and a Markdown file that are written after each of them.

    Parameters
    ----------
    folder : Path
        Where the files go.
    name : str
        Theirs, without the ending.
    about : str
        One line: device, machine, versions.
    sections : dict of Section
        All there are; what an earlier run has left of those that are not begun anew stays.
    """

    def __init__(self, folder: Path, name: str, about: str, sections: dict[str, Section]) -> None:
        self._json, self._markdown = folder / f"{name}.json", folder / f"{name}.md"
        self._about, self._sections = about, sections
        self._tables: dict[str, dict[str, Any]] = _read(self._json)

    def begin(self, section: str) -> None:
        """Forget the section's earlier rows."""
        self._tables[section] = {"about": self._about, "rows": [], "failed": {}}

    def add(self, section: str, figures: Figures) -> None:
        """Keep a row."""
        self._tables[section]["rows"].append(figures)
        self._save()

    def fail(self, section: str, case: str, reason: str) -> None:
        """Keep the reason for a row that is missing."""
        self._tables[section]["failed"][case] = reason
        self._save()

    def text(self) -> str:
        """All tables, in Markdown."""
        known = [name for name in self._sections if name in self._tables]
        return "\n\n".join(self._table(self._sections[name], self._tables[name]) for name in known)

    def _table(self, section: Section, kept: dict[str, Any]) -> str:
        rows, failed = kept["rows"], kept["failed"]
        parts = [f"## {section.title}"]
        if rows:
            parts.append(table(section.header, [section.cells(figures) for figures in rows]))
        lines = section.conclusions(rows) if rows else []
        lines += [f"{case}: not measured, {reason}" for case, reason in failed.items()]
        if lines:
            parts.append("\n".join(f"- {line}" for line in lines))
        return "\n\n".join([*parts, kept["about"]])

    def _save(self) -> None:
        save_json(self._json, self._tables)
        save_text(self._markdown, self.text())


def file_name(device: str, quick: bool) -> str:
    """A file's name for a device, such as gpu-nvidia-h100-80gb-hbm3."""
    words = re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-")
    return f"gpu-{words}{'-quick' if quick else ''}"


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """What an earlier run has left, if that can be read."""
    try:
        tables: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return tables
