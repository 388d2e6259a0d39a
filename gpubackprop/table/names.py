"""Find the columns that a user named."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable

from gpubackprop.table.errors import TableError, listing


def split(texts: Iterable[str], names: Collection[str]) -> list[str]:
    """Split what was typed at its commas, save where a column has that very name.

    Examples
    --------
    >>> split(["start, end", "last, first"], ["start", "end", "last, first"])
    ['start', 'end', 'last, first']
    """
    found: list[str] = []
    for text in texts:
        found += [text] if text in names else [part.strip() for part in text.split(",")]
    return [name for name in found if name]


def require(names: Iterable[str], known: Collection[str]) -> None:
    """Raise TableError for a name that no column has, with those that are near to it."""
    for name in names:
        if name not in known:
            by_lower = {str(column).lower(): str(column) for column in known}
            near = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)
            meant = " or ".join(repr(by_lower[text]) for text in near)
            hint = f" Did you mean {meant}?" if near else ""
            if any(re.fullmatch(r"[-\d./: ]+|Unnamed: \d+", column) for column in known):
                hint += " If the table has no header row: --no-header."
            raise TableError(f"no column is named {name!r}.{hint} Columns: {listing(known)}.")
