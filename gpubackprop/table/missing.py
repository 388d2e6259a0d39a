"""Words that stand for a missing number or date, and are texts like others in a column of texts."""

from __future__ import annotations

from typing import Any

import pandas as pd

MISSING_WORDS = (
    *("NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NaT", "NULL", "null", "nil", "None"),
    *("?", ".", "-", "--"),
)


def missing_words(column: pd.Series[Any]) -> dict[str, int]:
    """Count the rows of a column that hold such a word."""
    counts = column[column.isin(MISSING_WORDS)].value_counts()
    return {str(word): int(count) for word, count in counts.items()}


def without_missing_words(column: pd.Series[Any]) -> pd.Series[Any]:
    """Take such words for missing values."""
    return column.mask(column.isin(MISSING_WORDS))
