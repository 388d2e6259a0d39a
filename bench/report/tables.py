"""Tables that read well in a terminal and in Markdown."""

import json
from pathlib import Path
from typing import Any


def table(header: list[str], rows: list[list[str]]) -> str:
    """Lay out a Markdown table with aligned columns."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)


def save_text(path: Path | None, text: str) -> None:
    """Write a file where one is wanted."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")


def save_json(path: Path | None, content: Any) -> None:
    """Write JSON where it is wanted."""
    save_text(path, json.dumps(content, indent=1))
