"""Find out what a table's columns are, the one to predict among them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import pandas as pd

from gpubackprop.table.conversion import MAX_CATEGORIES, Column, Kind, to_numbers
from gpubackprop.table.errors import TableError, listing, not_a_number, place

Task = Literal["classification", "regression"]

MANY_DISTINCT = 20
"""Up to this many distinct values, whole numbers may be classes and texts are categories."""

_DATE = re.compile(
    r"\s*(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{2}|\d{4}))"
    r"([T ]\d{1,2}:\d{2}.*)?\s*"
)
_ALMOST_NUMBER = re.compile(r"\s*[$€£]?\s*[-+]?\d[\d\s.,]*([%$€£]|[a-zA-Z]{1,3})?\s*")
_IDENTIFIER = re.compile(r"(.*[_\s.-])?(id|uuid|guid|index|key|row|rownum|number|no|nr)|unnamed: 0")


@dataclass(frozen=True)
class Description:
    """What a table's columns are.

    Attributes
    ----------
    columns : tuple of Column
        The columns that a model can learn from, in the table's order.
    notes : tuple of str
        One line for each decision that was taken about a column.
    """

    columns: tuple[Column, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Target:
    """What a model learns to predict.

    Attributes
    ----------
    name : str
        The column's header.
    task : {"classification", "regression"}
        What is learnt.
    reason : str
        Why this task was chosen.
    values : ndarray of shape (n_rows,)
        Labels (texts or whole numbers), or float64 numbers.
    """

    name: str
    task: Task
    reason: str
    values: np.ndarray[Any, Any]


def describe(
    table: pd.DataFrame,
    target: str,
    *,
    drop: Collection[str] = (),
    category: Collection[str] = (),
) -> Description:
    """Find out what each column of a table is.

    Parameters
    ----------
    table : DataFrame
        The table.
    target : str
        The column to predict, which is left out.
    drop : collection of str
        More columns to leave out.
    category : collection of str
        Columns to read as categories even if they hold numbers.

    Returns
    -------
    Description
        The usable columns and the decisions taken.

    Raises
    ------
    TableError
        If the table has no column of a given name, a column cannot be used, or none is left.
    """
    for name in (target, *drop, *category):
        _require_column(table, name)
    columns: list[Column] = []
    left_out: dict[str, list[str]] = {}
    notes: list[str] = []
    for name in table.columns:
        if name == target or name in drop:
            continue
        if reason := _useless(table[name], forced=name in category):
            left_out.setdefault(reason, []).append(name)
            continue
        kind: Kind = "category" if name in category else _kind(table[name])
        columns.append(Column(name, kind))
        if kind == "category" and (count := table[name].nunique()) > MAX_CATEGORIES:
            notes.append(
                f"{name!r} has {count} categories: the commonest {MAX_CATEGORIES - 1} are kept, "
                "the others count as one"
            )
    notes += [f"left out as {why}: {listing(names)}" for why, names in left_out.items()]
    if not columns:
        raise TableError(
            "no column is left to learn from" + (f" ({'; '.join(notes)})." if notes else ".")
        )
    return Description(tuple(columns), tuple(notes))


def read_target(table: pd.DataFrame, name: str, task: Task | None = None) -> Target:
    """Read the column to predict, and find out whether it is a class or a quantity.

    Text, true/false, and whole numbers of at most 20 distinct values (each in 5 rows on average)
    are classes; every other number is a quantity.

    Parameters
    ----------
    table : DataFrame
        The table; no value of the target is missing.
    name : str
        The column to predict.
    task : {"classification", "regression"}, optional
        The task; by default the rule above decides.

    Returns
    -------
    Target
        The target's values, ready for scikit-learn.

    Raises
    ------
    TableError
        If the column does not suit the task.
    """
    column = table[name]
    distinct = column.nunique()
    if distinct < 2:
        raise TableError(
            f"target {name!r}: every row holds {str(column.iloc[0])!r}. "
            "There is nothing to learn from one value."
        )
    found, reason = _task(column, distinct)
    task = task or found
    if task == "regression":
        return Target(name, task, reason, to_numbers(column))
    if distinct > MANY_DISTINCT and distinct > len(column) / 2:
        raise TableError(
            f"target {name!r}: {distinct} distinct values in {len(column)} rows are too many to be "
            "classes. Choose another target, or --task regression if they are quantities."
        )
    return Target(name, task, reason, _labels(column))


# -- what a column is -----------------------------------------------------------------------------


def _require_column(table: pd.DataFrame, name: str) -> None:
    if name in table.columns:
        return
    by_lower = {str(column).lower(): str(column) for column in table.columns}
    near = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)
    hint = f" Did you mean {' or '.join(repr(by_lower[n]) for n in near)}?" if near else ""
    raise TableError(f"no column is named {name!r}.{hint} Columns: {listing(table.columns)}.")


def _useless(column: pd.Series[Any], forced: bool) -> str | None:
    """Say why a column teaches nothing, or None; a forced one is only asked to vary."""
    try:
        distinct = column.nunique()
    except TypeError:  # lists and the like, for _kind to refuse
        return None
    if not distinct:
        return "empty"
    if distinct == 1 and (_is_numeric(column) or column.notna().all()):
        return "constant"
    if forced or distinct < len(column) / 2 or distinct <= MANY_DISTINCT:
        return None
    if _is_text(column) and not _looks_like_dates(column) and _first_not_number(column) is None:
        return "text that differs in nearly every row"
    named = _IDENTIFIER.fullmatch(str(column.name).lower())
    if named and distinct == len(column) and pd.api.types.is_integer_dtype(column.dtype):
        return "a number that only tells the rows apart"
    return None


def _kind(column: pd.Series[Any]) -> Kind:
    if _is_boolean(column):
        return "boolean"
    if _is_numeric(column):
        to_numbers(
            column
        )  # refuses infinities now, with the row, and not in the middle of training
        return "number"
    if pd.api.types.is_datetime64_any_dtype(column.dtype) or _looks_like_dates(column):
        first = column.dropna().iloc[0]
        raise TableError(
            f"column {column.name!r} holds dates ({first} in {place(column.first_valid_index())}). "
            "Turn it into numbers first (year, month, days since a start), or leave it out: "
            f"--drop {_quoted(column.name)}"
        )
    if isinstance(column.dtype, pd.CategoricalDtype):
        return "category"
    if not _is_text(column):
        raise TableError(
            f"column {column.name!r} holds {type(column.dropna().iloc[0]).__name__} values; "
            f"only numbers, texts and true/false are read. Leave it out: "
            f"--drop {_quoted(column.name)}"
        )
    _refuse_almost_numbers(column)
    return "category"


def _task(column: pd.Series[Any], distinct: int) -> tuple[Task, str]:
    if _is_boolean(column):
        return "classification", "the target is true/false"
    if not _is_numeric(column):
        if not isinstance(column.dtype, pd.CategoricalDtype):
            _refuse_almost_numbers(column)
        return "classification", f"the target is text with {distinct} distinct values"
    whole = bool((column.astype("float64") % 1 == 0).all())
    if whole and distinct <= MANY_DISTINCT and distinct * 5 <= len(column):
        return "classification", f"the target is whole numbers, {distinct} distinct"
    return "regression", f"the target is numbers, {distinct} distinct"


def _labels(column: pd.Series[Any]) -> np.ndarray[Any, Any]:
    if _is_numeric(column) and not _is_boolean(column) and (column.astype(float) % 1 == 0).all():
        return cast("np.ndarray[Any, Any]", column.astype("int64").to_numpy())
    return np.array([str(value) for value in column])


def _is_numeric(column: pd.Series[Any]) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column.dtype))


def _is_boolean(column: pd.Series[Any]) -> bool:
    if pd.api.types.is_bool_dtype(column.dtype):
        return True
    # A missing value turns pandas' booleans into objects.
    truths = column.dropna().map(lambda value: isinstance(value, (bool, np.bool_)))
    return column.dtype == object and bool(truths.all())


def _is_text(column: pd.Series[Any]) -> bool:
    return bool(column.dropna().map(lambda value: isinstance(value, str)).all())


def _looks_like_dates(column: pd.Series[Any]) -> bool:
    return _share_matching(column, _DATE) > 0.9


def _share_matching(column: pd.Series[Any], pattern: re.Pattern[str]) -> float:
    sample = column.dropna().astype(str).head(1000)
    return float(sample.map(lambda text: pattern.fullmatch(text) is not None).mean())


def _first_not_number(column: pd.Series[Any]) -> int | None:
    """Find the first text in a column that was surely meant to hold numbers."""
    kept = column.dropna().astype(object)
    numbers = pd.to_numeric(kept, errors="coerce")
    numeric = numbers.notna().mean() >= 0.5
    almost = kept.nunique() > MANY_DISTINCT / 2 and _share_matching(kept, _ALMOST_NUMBER) > 0.9
    if not (numeric or almost) or numbers.notna().all():
        return None
    return int(cast(int, numbers.isna().idxmax()))


def _refuse_almost_numbers(column: pd.Series[Any]) -> None:
    row = _first_not_number(column)
    if row is None:
        return
    raise TableError(
        f"{not_a_number(column, row)}, but the column looks like numbers. Correct it, or read the "
        f"column as text: --category {_quoted(column.name)}"
    )


def _quoted(name: object) -> str:
    text = str(name)
    return text if re.fullmatch(r"[\w.-]+", text) else f'"{text}"'
