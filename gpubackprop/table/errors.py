"""The error that names the place in a table and the cure, and the words it is made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import pandas as pd


class TableError(ValueError):
    """A table that cannot be used; the message says where, why, and what would be right."""

    names_its_table = False


@contextmanager
def naming(table: object) -> Iterator[None]:
    """Put a table's name before the messages of its errors, where they have none yet."""
    try:
        yield
    except TableError as error:
        if error.names_its_table:
            raise
        named = TableError(f"{table}: {error}")
        named.names_its_table = True
        raise named from None


def listing(names: Iterable[object], most: int = 10) -> str:
    """Join names by commas, the first few of them when there are many."""
    texts = [str(name) for name in names]
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def counted(count: int, noun: str) -> str:
    """Write a number of things: 1 row, 2 rows."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def quoted(name: object) -> str:
    """Write a name as a shell takes it."""
    text = str(name)
    return text if re.fullmatch(r"[\w.-]+", text) else f'"{text}"'


def not_a_number(column: pd.Series[Any], row: int) -> str:
    """Say where a text stands instead of a number; a decimal comma gets a hint."""
    value = column[row]
    hint = ""
    if isinstance(value, str) and re.fullmatch(r"\s*[-+]?\d+,\d+\s*", value):
        hint = f" (decimals take a point: {value.strip().replace(',', '.')})"
    return f"column {column.name!r}, {place(row)}: {value!r} is not a number{hint}"


def place(label: object) -> str:
    """Say which row this is, counted as a reader of the file would."""
    return f"row {int(cast(int, label)) + 1} after the header"
