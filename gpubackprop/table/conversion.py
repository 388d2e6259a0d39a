"""Convert a column's values to its kind, and a table's columns to a network's inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd

from gpubackprop.table.errors import TableError, listing, not_a_number, place

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer

Kind = Literal["number", "boolean", "category"]

MAX_CATEGORIES = 100
"""A text column keeps this many categories; the rarer ones share one."""

MISSING = "(missing)"
"""The category of a missing text."""

_TRUTH = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0, "1": 1.0, "0": 0.0}
_TRUTH |= {"1.0": 1.0, "0.0": 0.0}


@dataclass(frozen=True)
class Column:
    """One column that a model reads.

    Attributes
    ----------
    name : str
        The column's header.
    kind : {"number", "boolean", "category"}
        How its values are read.
    """

    name: str
    kind: Kind


def features(table: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """Take a model's columns out of a table, each converted to its kind.

    Parameters
    ----------
    table : DataFrame
        A table that has at least these columns.
    columns : sequence of Column
        The columns to take.

    Returns
    -------
    DataFrame
        Numbers and booleans as float64 (missing: NaN), categories as text.

    Raises
    ------
    TableError
        If columns are missing or a value does not fit its column's kind.
    """
    if missing := [c.name for c in columns if c.name not in table.columns]:
        raise TableError(
            f"the table lacks {len(missing)} of the {len(columns)} columns the model was trained "
            f"on: {listing(missing)}. It has: {listing(table.columns)}."
        )
    convert = {"number": to_numbers, "boolean": _truths, "category": _texts}
    converted = {column.name: convert[column.kind](table[column.name]) for column in columns}
    return pd.DataFrame(converted, index=table.index)


def preprocessor(columns: Sequence[Column]) -> ColumnTransformer:
    """Build the unfitted transformation from :func:`features` to a network's inputs.

    Numbers: missing values become the median, then standardised. Categories: one-hot; one that was
    not seen in training counts as the rare ones do, or sets no input where none were rare.

    Parameters
    ----------
    columns : sequence of Column
        The columns of the table it will be fitted to.

    Returns
    -------
    ColumnTransformer
        Transformation of these columns; others are ignored.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = Pipeline(
        [
            # A column may be all missing in the training part alone: keep it, as zeros.
            ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
            ("standardise", StandardScaler()),
        ]
    )
    categories = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        max_categories=MAX_CATEGORIES,
        sparse_output=False,
        dtype=np.float32,
    )
    numeric = [c.name for c in columns if c.kind != "category"]
    textual = [c.name for c in columns if c.kind == "category"]
    parts = [("numbers", numbers, numeric), ("categories", categories, textual)]
    return ColumnTransformer([part for part in parts if part[2]])


def to_numbers(column: pd.Series[Any]) -> np.ndarray[Any, Any]:
    """Convert to float64 (missing: NaN); refuse other than finite numbers, naming the row."""
    try:
        values = pd.to_numeric(column).to_numpy(dtype="float64", na_value=np.nan)
    except (ValueError, TypeError):
        numbers = pd.to_numeric(column.dropna().astype(str), errors="coerce")
        wrong = numbers.isna()
        row = cast(int, wrong.idxmax() if wrong.any() else column.first_valid_index())
        raise TableError(f"{not_a_number(column, row)}.") from None
    infinite = np.flatnonzero(np.isinf(values))
    if infinite.size:
        row = cast(int, column.index[infinite[0]])
        raise TableError(
            f"column {column.name!r}, {place(row)}: an infinite value. Write a finite number, or "
            "leave the field empty if it is unknown."
        )
    return cast("np.ndarray[Any, Any]", values)


def _truths(column: pd.Series[Any]) -> np.ndarray[Any, Any]:
    kept = column.dropna()
    truths = kept.astype(str).str.lower().map(_TRUTH)
    if truths.isna().any():
        row = cast(int, truths.isna().idxmax())
        raise TableError(
            f"column {column.name!r}, {place(row)}: {column[row]!r} is neither true nor false."
        )
    return cast("np.ndarray[Any, Any]", truths.reindex(column.index).to_numpy(dtype="float64"))


def _texts(column: pd.Series[Any]) -> np.ndarray[Any, Any]:
    texts = column.astype(object).where(column.notna(), MISSING).map(str)
    return cast("np.ndarray[Any, Any]", texts.to_numpy(dtype=object))
