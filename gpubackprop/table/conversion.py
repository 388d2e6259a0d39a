"""Convert a column's values to its kind, and a table's columns to a network's inputs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd

from gpubackprop.table.dates import part, to_dates
from gpubackprop.table.errors import TableError, listing, not_a_number, place
from gpubackprop.table.missing import without_missing_words

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer

Kind = Literal["number", "boolean", "date", "date, day first", "category", "many categories"]

MAX_CATEGORIES = 100
"""A column of up to this many categories has an input for each."""

AVERAGES = "averages"
"""The name of the part that codes many categories."""

MISSING = "(missing)"
"""The category of a missing text."""

_TRUTH = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0, "1": 1.0, "0": 0.0}
_TRUTH |= {"1.0": 1.0, "0.0": 0.0}


@dataclass(frozen=True)
class Column:
    """One column that a model reads: its header, how its values are read, and its parts.

    A part becomes a number besides a number's or a truth's value: of a date, those of
    ``dates.PARTS`` that vary; ``"missing"`` where values are.
    """

    name: str
    kind: Kind
    parts: tuple[str, ...] = ()

    @property
    def is_text(self) -> bool:
        """Whether its values are categories."""
        return self.kind in ("category", "many categories")


def features(table: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """Take a model's columns out of a table, each converted to its kind.

    Numbers, booleans and the parts of columns become float64 (missing: NaN), categories text.
    TableError if columns are missing or a value does not fit its column's kind.
    """
    if missing := [c.name for c in columns if c.name not in table.columns]:
        raise TableError(
            f"the table lacks {len(missing)} of the {len(columns)} columns the model was trained "
            f"on: {listing(missing)}. It has: {listing(table.columns)}."
        )
    names = feature_names(columns)
    converted = {
        names[column.name, what]: values
        for column in columns
        for what, values in _features(table[column.name], column)
    }
    return pd.DataFrame(converted, index=table.index)


def feature_names(columns: Sequence[Column]) -> dict[tuple[str, str], str]:
    """Name each column's features, by column and part: ``day (month)``, or as no column is."""
    names = {(c.name, ""): c.name for c in columns if not c.kind.startswith("date")}
    for column in columns:
        for what in column.parts:
            name = f"{column.name} ({what})"
            while name in names.values():
                name += "'"
            names[column.name, what] = name
    return names


def dates_of(values: pd.Series[Any], kind: Kind) -> pd.Series[Any]:
    """Convert a column of dates."""
    return to_dates(values, day_first=kind == "date, day first")


def _features(values: pd.Series[Any], column: Column) -> Iterator[tuple[str, Any]]:
    """Convert a column's values, and take its parts."""
    if column.kind.startswith("date"):
        dates = dates_of(values, column.kind)
        yield from ((name, part(dates, name)) for name in column.parts if name != "missing")
        gaps = dates.isna().to_numpy()
    else:
        convert = _texts if column.is_text else _CONVERT[column.kind]
        converted = convert(values)
        yield "", converted
        gaps = pd.isna(converted)
    if "missing" in column.parts:
        yield "missing", gaps.astype("float64")


def preprocessor(columns: Sequence[Column], task: str = "classification") -> ColumnTransformer:
    """Build the unfitted transformation from :func:`features` to a network's inputs.

    Numbers: missing values become the median, then standardised. Categories: one-hot; one that was
    not seen in training counts as the rare ones do, or sets no input where none were rare. Many
    categories: what the target is on average where they stand. Other columns are ignored.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder

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
    # ColumnTransformer.fit has it cross-fit, to no use: fit_preprocessor does, with a fixed seed.
    averages = TargetEncoder(target_type="continuous" if task == "regression" else "auto", cv=2)
    names = feature_names(columns)
    coded = {c.name: c.kind for c in columns if c.is_text}
    numeric = [name for (column, _), name in names.items() if column not in coded]
    parts = [
        ("numbers", numbers, numeric),
        ("categories", categories, [name for name in coded if coded[name] == "category"]),
        (AVERAGES, averages, [name for name in coded if coded[name] == "many categories"]),
    ]
    return ColumnTransformer([part for part in parts if part[2]])


def fit_preprocessor(
    prepare: ColumnTransformer, rows: pd.DataFrame, target: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """Fit the transformation to training rows, and transform these.

    A row's own target is no part of the averages that stand for its categories: those are of the
    other four fifths of the rows.
    """
    from sklearn.base import clone
    from sklearn.model_selection import KFold

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that a class has a single row
        inputs = np.array(prepare.fit(rows, target).transform(rows))
    if AVERAGES not in prepare.output_indices_:
        return inputs
    place = prepare.output_indices_[AVERAGES]
    encoder = prepare.named_transformers_[AVERAGES]
    texts = rows[list(encoder.feature_names_in_)]
    always = np.array([], dtype=int)
    if encoder.target_type_ != "continuous":  # no class may be missing from a fold
        always = np.unique(target, return_index=True)[1]
    for others, fold in KFold(5, shuffle=True, random_state=0).split(texts):
        kept = np.union1d(others, always)
        fitted = clone(encoder).fit(texts.iloc[kept], target[kept])
        inputs[fold, place] = fitted.transform(texts.iloc[fold])
    return inputs


LARGEST_NUMBER = 1e150
"""The squares of larger ones, which a standard deviation sums up, leave float64."""


def to_numbers(column: pd.Series[Any]) -> np.ndarray[Any, Any]:
    """Convert to float64 (missing: NaN); refuse other than finite numbers, naming the row."""
    if not pd.api.types.is_numeric_dtype(column.dtype):
        column = without_missing_words(column)
    try:
        values = pd.to_numeric(column).to_numpy(dtype="float64", na_value=np.nan)
    except (ValueError, TypeError):
        numbers = pd.to_numeric(column.dropna().astype(str), errors="coerce")
        wrong = numbers.isna()
        row = cast(int, wrong.idxmax() if wrong.any() else column.first_valid_index())
        raise TableError(f"{not_a_number(column, row)}.") from None
    huge = np.flatnonzero(np.abs(values) > LARGEST_NUMBER)
    if huge.size:
        row, found = cast(int, column.index[huge[0]]), values[huge[0]]
        said = "an infinite value" if np.isinf(found) else f"{found:g} is too large a number"
        raise TableError(
            f"column {column.name!r}, {place(row)}: {said}. Write a finite number of less than "
            f"{LARGEST_NUMBER:g}, or leave the field empty if it is unknown."
        )
    return cast("np.ndarray[Any, Any]", values)


def _truths(column: pd.Series[Any]) -> np.ndarray[Any, Any]:
    kept = without_missing_words(column).dropna()
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


_CONVERT = {"number": to_numbers, "boolean": _truths}
