"""Tell dates from other values, and turn them into numbers."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pandas as pd

from gpubackprop.table.errors import TableError, place, quoted
from gpubackprop.table.missing import MISSING_WORDS

PARTS = ("year", "month", "day", "weekday", "hour", "days")
"""What of a date becomes a number; the last counts the days since 1970, with fractions."""

_DAY_OR_MONTH_FIRST = re.compile(r"^\s*(\d{1,2})([-/.])(\d{1,2})\2(?:\d{4}|\d{2})(?:\D.*)?$")
_HAS_A_YEAR = re.compile(
    r".*(?<!\d)(1[6-9]|20|21)\d{2}(?!\d).*|\s*\d{4}Q[1-4]\s*|\s*\d{1,2}[- ][a-zA-Z]{3}[- ]\d{2}\s*"
)
_COMPACT = re.compile(r"(1[89]|20|21)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(\.0)?")
_SAMPLE = 1000
_MOST = 0.9
"""The share of values that has to be dates, or the column is something else."""


def looks_like_dates(column: pd.Series[Any]) -> bool:
    """Whether nearly all of a column's values are dates: of a date's type, or written as one."""
    if column.dtype.kind == "M":
        return True
    kept = column.dropna()
    values = kept.head(_SAMPLE)
    if values.empty or column.dtype.kind in "bf":
        return False
    texts = values.astype(str)
    if column.dtype.kind in "iu":
        return len(values) > 1 and bool(texts.str.fullmatch(_COMPACT).all())
    written = texts.str.fullmatch(_DAY_OR_MONTH_FIRST) | texts.str.fullmatch(_HAS_A_YEAR)
    if written.mean() <= _MOST:
        return False
    return float(_parsed(texts, has_day_first(texts)).notna().mean()) > _MOST


def has_day_first(column: pd.Series[Any]) -> bool:
    """Whether a column's dates, of numbers only, name the day before the month."""
    parts = column.dropna().astype(str).str.extract(_DAY_OR_MONTH_FIRST)
    firsts = pd.to_numeric(parts[0]).max()
    return bool(firsts > 12 or (parts[1].eq(".").any() and not pd.to_numeric(parts[2]).max() > 12))


def is_ambiguous(column: pd.Series[Any]) -> bool:
    """Whether the days of a column's dates could be its months."""
    texts = column.dropna().astype(str)
    parts = texts.str.extract(_DAY_OR_MONTH_FIRST).dropna()
    numbers = parts[[0, 2]].apply(pd.to_numeric)
    return bool(len(parts) and numbers.max().max() <= 12 and not parts[1].eq(".").all())


def to_dates(column: pd.Series[Any], day_first: bool) -> pd.Series[Any]:
    """Convert to dates without a time zone (missing: NaT); refuse what is none, naming the row."""
    if column.dtype.kind != "M":
        dates = _parsed(column, day_first)
        wrong = column.notna() & dates.isna() & ~column.isin(MISSING_WORDS)
        if wrong.any():
            row = cast(int, wrong.idxmax())
            raise TableError(
                f"column {column.name!r}, {place(row)}: {column[row]!r} is not a date. Write it "
                "as 2024-12-31, or leave the field empty; texts that are no dates: "
                f"--category {quoted(column.name)}"
            )
        column = dates
    if getattr(column.dtype, "tz", None) is not None:
        column = column.dt.tz_convert(None)
    return column


def part(dates: pd.Series[Any], name: str) -> np.ndarray[Any, Any]:
    """Take one of the numbers of dates, in float64 (missing: NaN)."""
    if name == "days":
        found = (dates - pd.Timestamp(1970, 1, 1)) / pd.Timedelta(days=1)
    else:
        found = getattr(dates.dt, "day_of_week" if name == "weekday" else name)
    return cast("np.ndarray[Any, Any]", found.to_numpy(dtype="float64", na_value=np.nan))


def varying_parts(dates: pd.Series[Any]) -> tuple[str, ...]:
    """Find what of dates is not the same in all of them."""
    kept = dates.dropna()
    return tuple(name for name in PARTS if len(np.unique(part(kept, name))) > 1)


def _parsed(column: pd.Series[Any], day_first: bool) -> pd.Series[Any]:
    """Parse each distinct value once; NaT for what is not a date."""
    codes, values = pd.factorize(column)
    texts: Sequence[str] = [re.sub(r"\.0$", "", str(value)) for value in values]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a format had to be guessed
        parsed = pd.to_datetime(
            pd.Series(texts, dtype=object),
            errors="coerce",
            format="mixed",
            dayfirst=day_first,
            utc=True,
        )
    dates = parsed.dt.tz_localize(None).reindex(codes)  # code -1, a missing value, has none
    return pd.Series(dates.to_numpy(), index=column.index, name=column.name)
