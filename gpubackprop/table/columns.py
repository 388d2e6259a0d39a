"""Find out what a table's columns are, and say what was decided about them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gpubackprop.table.conversion import Column, dates_of
from gpubackprop.table.dates import is_ambiguous, varying_parts
from gpubackprop.table.errors import TableError, counted, listing, quoted
from gpubackprop.table.kinds import kind_of, may_be_names, texts_among_numbers, useless
from gpubackprop.table.missing import missing_words
from gpubackprop.table.names import require, split


@dataclass(frozen=True)
class Description:
    """What a table's columns are, and a line for each decision that was taken about one.

    `columns` are those that a model can learn from, in the table's order.
    """

    columns: tuple[Column, ...]
    notes: tuple[str, ...]


def describe(
    table: pd.DataFrame,
    target: str,
    *,
    drop: Collection[str] = (),
    category: Collection[str] = (),
) -> Description:
    """Find out what each column of a table is, but the target and those to drop.

    Columns of `category` are read as categories even if they hold numbers; several names in one
    text have commas between them. TableError if the table has no column of a given name, a column
    cannot be used, or none is left.
    """
    dropped, forced = split(drop, table.columns), split(category, table.columns)
    require((target, *dropped, *forced), table.columns)
    columns: list[Column] = []
    left_out: dict[str, list[str]] = {}
    for name in table.columns:
        if name == target or name in dropped:
            continue
        if reason := useless(table[name], forced=name in forced):
            left_out.setdefault(reason, []).append(name)
        else:
            columns.append(_column(table[name], forced=name in forced))
    notes = [*_notes(table, columns)]
    notes += [f"left out as {why}: {listing(names)}" for why, names in left_out.items()]
    if not columns:
        told = f" ({'; '.join(notes)})" if notes else ""
        varied = [
            name for names in left_out.values() for name in names if table[name].nunique() > 1
        ]
        cure = f" To learn from one all the same: --category {quoted(varied[0])}" if varied else ""
        raise TableError(f"no column is left to learn from{told}.{cure}")
    return Description(tuple(columns), tuple(notes))


def _column(values: pd.Series[Any], forced: bool) -> Column:
    """Find out what a column is and which numbers are made of it."""
    name, kind = str(values.name), kind_of(values, forced)
    parts: tuple[str, ...] = ()
    gaps = values.isna()
    if kind.startswith("date"):
        dates = dates_of(values, kind)
        parts, gaps = varying_parts(dates), dates.isna()
    if gaps.any() and "categor" not in kind:
        parts += ("missing",)
    return Column(name, kind, parts)


def _notes(table: pd.DataFrame, columns: Collection[Column]) -> Iterator[str]:
    """Say what may be news to who made the table."""
    for column in columns:
        name, values = column.name, table[column.name]
        if column.kind.startswith("date"):
            parts = [part for part in column.parts if part != "missing"]
            yield f"{name!r} holds dates, turned into numbers: {listing(parts)}"
            if is_ambiguous(values):
                yield f"{name!r}: {values.dropna().iloc[0]} is read as {_spoken(values, column)}"
        elif column.kind == "number" and may_be_names(values):
            yield (
                f"{name!r} is taken as a number ({values.nunique()} distinct whole ones); if they "
                f"are names: --category {quoted(name)}"
            )
        elif column.kind == "many categories":
            yield (
                f"{name!r} has {values.nunique()} categories: each becomes what the target is on "
                "average where it stands"
            )
        if column.is_text and not (odd := texts_among_numbers(values)).empty:
            where = f"in {counted(len(odd), 'row')}, texts such as {odd.iloc[0]!r}"
            yield f"{name!r} holds numbers and, {where}: all are names of categories"
        if column.is_text and (words := missing_words(values)):
            rows = listing(f"{counted(count, 'row')} {word!r}" for word, count in words.items())
            yield f"{name!r} holds in {rows}: a category like others (only empty is missing)"
    gaps = [column.name for column in columns if "missing" in column.parts]
    if gaps:
        yield f"with gaps, which become the median and a column of their own: {listing(gaps)}"


def _spoken(values: pd.Series[Any], column: Column) -> str:
    return f"{dates_of(values.dropna().head(1), column.kind).iloc[0]:%d %B %Y}"
