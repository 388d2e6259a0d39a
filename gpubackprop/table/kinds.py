"""Find out what a column's values are: numbers, truths, dates or texts."""

from __future__ import annotations

import re
from typing import Any, cast

import numpy as np
import pandas as pd

from gpubackprop.table.conversion import MAX_CATEGORIES, Kind, to_numbers
from gpubackprop.table.dates import has_day_first, looks_like_dates
from gpubackprop.table.errors import TableError, not_a_number, quoted
from gpubackprop.table.missing import without_missing_words

MANY_DISTINCT = 20
"""Up to this many distinct values, whole numbers may be classes and texts are categories."""

_ALMOST_NUMBER = re.compile(r"\s*[$€£]?\s*[-+]?\d[\d\s.,]*([%$€£]|[a-zA-Z]{1,3})?\s*")
_IDENTIFIER = re.compile(r"(.*[_\s.-])?(id|uuid|guid|index|key|row|rownum|number|no|nr)|unnamed: 0")
_CODE = re.compile(r"(.*[_\s.-])?(zip|zipcode|zip_code|postcode|postal|plz|fips|code|cd)")
_TYPOS = 0.02
"""Texts in no larger a share of numbers are mistakes, unless each is found several times."""
_SEVERAL = 3
"""Words that, among numbers, name things; one or two stand for what is missing."""
_MOST = 0.9
"""The share of codes that have digits: tickets are 17599, PC 17609 and, for a few rows, LINE."""
_DENSE = 0.9
"""The share of all numbers from 0 or 1 to the largest that codes use."""
_UNEVEN = 0.2
"""How far from the middle, as a part of the largest, the median of codes may lie."""


def kind_of(column: pd.Series[Any], forced: bool) -> Kind:
    """Find out what a column is; a forced one is a category.

    TableError if it cannot be used; the message names the first value in the way.
    """
    if forced:
        return category_kind(column)
    if is_boolean(column):
        return "boolean"
    if looks_like_dates(column):
        return "date, day first" if has_day_first(column) else "date"
    if is_numeric(column):
        to_numbers(column)  # refuses infinities now, with the row, and not amid the training
        return "number"
    if isinstance(column.dtype, pd.CategoricalDtype):
        return category_kind(column)
    if not is_text(column):
        raise TableError(
            f"column {column.name!r} holds {type(column.dropna().iloc[0]).__name__} values; "
            "only numbers, texts, dates and true/false are read. Leave it out: "
            f"--drop {quoted(column.name)}"
        )
    refuse_almost_numbers(column)
    return category_kind(column)


def category_kind(column: pd.Series[Any]) -> Kind:
    """Choose how categories are coded, by their number."""
    return "category" if column.nunique() <= MAX_CATEGORIES else "many categories"


def useless(column: pd.Series[Any], forced: bool) -> str | None:
    """Say why a column teaches nothing, or None; a forced one is only asked to vary."""
    try:
        distinct = column.nunique()
    except TypeError:  # lists and the like, for kind_of to refuse
        return None
    if not distinct:
        return "empty"
    if distinct == 1 and (is_numeric(column) or column.notna().all()):
        return "constant"
    if forced or distinct < len(column) / 2 or distinct <= MANY_DISTINCT:
        return None
    if is_text(column) and not looks_like_dates(column) and first_not_number(column) is None:
        return "text that differs in nearly every row"
    named = _IDENTIFIER.fullmatch(_header(column))
    if named and distinct == len(column) and pd.api.types.is_integer_dtype(column.dtype):
        return "a number that only tells the rows apart"
    return None


def may_be_names(column: pd.Series[Any]) -> bool:
    """Whether a column of numbers could name things: by its header, or as codes are numbered."""
    if not is_numeric(column) or is_boolean(column) or column.nunique() <= MANY_DISTINCT:
        return False
    values = column.dropna().astype("float64")
    if (values % 1).any():
        return False
    header = _header(column)
    if _IDENTIFIER.fullmatch(header) or _CODE.fullmatch(header):
        return True
    distinct, largest = values.nunique(), values.max()
    dense = values.min() in (0, 1) and distinct >= _DENSE * largest
    even = abs(values.median() / largest - 0.5) < _UNEVEN  # counts of things are mostly small
    return bool(dense and even and MAX_CATEGORIES < distinct < len(values) / 2)


def _header(column: pd.Series[Any]) -> str:
    """Write a column's name in small letters: passenger_id for PassengerId."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(column.name)).lower()


def is_numeric(column: pd.Series[Any]) -> bool:
    """Whether a column's type is a number's."""
    return bool(pd.api.types.is_numeric_dtype(column.dtype))


def is_boolean(column: pd.Series[Any]) -> bool:
    """Whether a column holds true and false."""
    if pd.api.types.is_bool_dtype(column.dtype):
        return True
    # A missing value turns pandas' booleans into objects.
    truths = column.dropna().map(lambda value: isinstance(value, (bool, np.bool_)))
    return column.dtype == object and bool(truths.all())


def is_text(column: pd.Series[Any]) -> bool:
    """Whether all that a column holds is text."""
    return bool(column.dropna().map(lambda value: isinstance(value, str)).all())


def refuse_almost_numbers(column: pd.Series[Any]) -> None:
    """Raise TableError if a column of texts was surely meant to hold numbers."""
    row = first_not_number(column)
    if row is None:
        return
    raise TableError(
        f"{not_a_number(column, row)}, but the column looks like numbers. Correct it, or read the "
        f"column as text: --category {quoted(column.name)}"
    )


def first_not_number(column: pd.Series[Any]) -> int | None:
    """Find the first text in a column that was surely meant to hold numbers."""
    odd = texts_among_numbers(column)
    if odd.empty or _are_codes(column, odd):
        return None
    return int(cast(int, odd.index[0]))


def texts_among_numbers(column: pd.Series[Any]) -> pd.Series[Any]:
    """Take the texts out of a column that looks like numbers; nothing out of any other."""
    kept = without_missing_words(column.astype(object)).dropna()
    numbers = pd.to_numeric(kept, errors="coerce")
    sample = kept.astype(str).head(1000)
    almost = (
        kept.nunique() > MANY_DISTINCT / 2 and sample.str.fullmatch(_ALMOST_NUMBER).mean() > 0.9
    )
    return kept[numbers.isna() & (almost or numbers.notna().mean() >= 0.5)]


def _are_codes(column: pd.Series[Any], odd: pd.Series[Any]) -> bool:
    """Whether numbers and these texts are names: 75, 2A; 82.5, 90+; 1, DQ, NS, but not 7.5, n.d."""
    kept = column.dropna()
    numbers = pd.to_numeric(kept.drop(odd.index), errors="coerce").dropna()
    whole, few = bool((numbers % 1 == 0).all()), kept.nunique() * 5 <= len(kept)
    mistakes = len(odd) <= _TYPOS * len(kept) and odd.nunique() * 5 > len(odd)
    if mistakes or len(odd) >= len(numbers) or odd.str.contains("[%$€£]").any():
        return False
    of_digits, words = odd.str.contains(r"\d").mean() > _MOST, odd.nunique()
    return (of_digits and whole) or (few and (of_digits or words >= _SEVERAL))
