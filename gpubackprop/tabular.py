"""Read a table and find out what its columns are, with errors that name the place and the cure."""

from __future__ import annotations

import difflib
import math
import re
import warnings
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer

Kind = Literal["number", "boolean", "category"]
Task = Literal["classification", "regression"]

MAX_CATEGORIES = 100
"""A text column keeps this many categories; the rarer ones share one."""

MANY_DISTINCT = 20
"""Up to so many distinct values, whole numbers may be classes and texts are always categories."""

MISSING = "(missing)"
"""The category of a missing text."""

_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".gz": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_DATE = re.compile(
    r"\s*(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{2}|\d{4}))"
    r"([T ]\d{1,2}:\d{2}.*)?\s*"
)
_ALMOST_NUMBER = re.compile(r"\s*[$€£]?\s*[-+]?\d[\d\s.,]*([%$€£]|[a-zA-Z]{1,3})?\s*")
_IDENTIFIER = re.compile(r"(.*[_\s.-])?(id|uuid|guid|index|key|row|rownum|number|no|nr)|unnamed: 0")
_TRUTH = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0, "1": 1.0, "0": 0.0}
_TRUTH |= {"1.0": 1.0, "0.0": 0.0}


class TableError(ValueError):
    """A table that cannot be used; the message says where, why, and what would be right."""


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
        Why it is that task.
    values : ndarray of shape (n_rows,)
        Labels (texts or whole numbers), or float64 numbers.
    """

    name: str
    task: Task
    reason: str
    values: np.ndarray[Any, Any]


def read_table(path: str | Path, text: Collection[str] = ()) -> pd.DataFrame:
    """Read a CSV or Parquet file.

    Parameters
    ----------
    path : str or Path
        A file ending in .csv, .tsv, .txt, .csv.gz, .parquet or .pq. A CSV has a header row, is
        separated by commas, semicolons, tabs or bars, and encoded in UTF-8.
    text : collection of str
        Columns to keep as text although they look like numbers.

    Returns
    -------
    DataFrame
        Its index counts the rows from 0.

    Raises
    ------
    TableError
        If the file is no such table.
    """
    path = Path(path)
    if not path.is_file():
        raise TableError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}.")
    form = _SUFFIXES.get(path.suffix.lower())
    if form is None:
        raise TableError(
            f"{path}: only CSV (.csv, .tsv, .txt) and Parquet (.parquet) files are read. "
            "Save the table as one of these."
        )
    table = _read_csv(path, text) if form == "csv" else _read_parquet(path)
    if table.empty:
        raise TableError(f"{path}: the table has a header but no rows.")
    return table


def describe(
    table: pd.DataFrame,
    target: str | None,
    *,
    drop: Collection[str] = (),
    category: Collection[str] = (),
) -> Description:
    """Find out what each column of a table is.

    Parameters
    ----------
    table : DataFrame
        The table.
    target : str or None
        The column to predict, which is left out.
    drop : collection of str
        More columns to leave out.
    category : collection of str
        Columns to read as categories, whatever they look like.

    Returns
    -------
    Description
        The usable columns and the decisions taken.

    Raises
    ------
    TableError
        If a column is named that is not there, a column can be read in no sensible way, or none
        is left.
    """
    for name in [*([target] if target is not None else []), *drop, *category]:
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
        The task, where the rule is not to decide.

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
        return Target(name, task, reason, _numbers(column))
    if distinct > MANY_DISTINCT and distinct > len(column) / 2:
        raise TableError(
            f"target {name!r}: {distinct} distinct values in {len(column)} rows are too many to be "
            "classes. Choose another target, or --task regression if they are quantities."
        )
    return Target(name, task, reason, _labels(column))


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
    convert = {"number": _numbers, "boolean": _truths, "category": _texts}
    converted = {column.name: convert[column.kind](table[column.name]) for column in columns}
    return pd.DataFrame(converted, index=table.index)


def preprocessor(columns: Sequence[Column]) -> ColumnTransformer:
    """Build the unfitted transformation from :func:`features` to a network's inputs.

    Numbers: missing values become the median, then standardised. Categories: one-hot; one that was
    not seen in training counts as rare, or as none.

    Parameters
    ----------
    columns : sequence of Column
        The columns of the table it will be fitted to.

    Returns
    -------
    ColumnTransformer
        With explicit column lists; the columns of other names are ignored.
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


def listing(names: Iterable[object], most: int = 10) -> str:
    """Join names by commas, the first few of them when there are many."""
    texts = [str(name) for name in names]
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


# -- reading --------------------------------------------------------------------------------------


def _read_csv(path: Path, text: Collection[str]) -> pd.DataFrame:
    try:
        separator, header = _csv_header(path)
        _check_header(path, header)
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                path,
                sep=separator,
                encoding="utf-8-sig",
                dtype={name: "str" for name in text if name in header},
                na_values=["?"],
                skipinitialspace=True,
                index_col=False,
                low_memory=False,  # one type per column, not one per chunk of it
            )
    except pd.errors.EmptyDataError:
        raise TableError(f"{path}: the file is empty.") from None
    except UnicodeDecodeError as error:
        raise TableError(
            f"{path}: not encoded in UTF-8 (at byte {error.start}: {error.reason}). "
            "Save it as UTF-8."
        ) from None
    except pd.errors.ParserWarning:
        raise TableError(
            f"{path}: the rows hold more values than the first row has names ({len(header)})."
        ) from None
    except pd.errors.ParserError as error:
        what = str(error).removeprefix("Error tokenizing data. C error: ").strip()
        raise TableError(f"{path}: not a well-formed CSV file: {what}.") from None
    except (OSError, EOFError) as error:
        raise TableError(f"{path}: cannot be read ({error}).") from None


def _csv_header(path: Path) -> tuple[str, list[str]]:
    options: dict[str, Any] = {"header": None, "nrows": 1, "dtype": "str", "encoding": "utf-8-sig"}
    first_line = pd.read_csv(path, sep="\0", engine="c", quoting=3, **options).iat[0, 0]
    separator = max(",;\t|", key=str(first_line).count)
    header = pd.read_csv(path, sep=separator, skipinitialspace=True, **options)
    return separator, ["" if pd.isna(name) else name for name in header.iloc[0]]


def _check_header(path: Path, header: list[str]) -> None:
    numeric = [name for name in header if _is_number(name)]
    # 0, 1, 2, ... is what pandas writes for columns without names; 2019, 2020, ... are years.
    counted = all(name.isdigit() for name in numeric) and _consecutive([int(n) for n in numeric])
    if 2 * len(numeric) >= len(header) and not counted:
        raise TableError(
            f"{path}: the first row should name the columns, but it holds numbers "
            f"({listing(header, 5)}). Add a header row."
        )
    repeated = {name for name in header if name and header.count(name) > 1}
    if repeated:
        raise TableError(
            f"{path}: the first row names {listing(sorted(map(repr, repeated)), 5)} more than "
            "once. Give every column its own name (or add the header row, if it is missing)."
        )


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_parquet(path)
    except ImportError:
        raise TableError(
            f"{path}: reading Parquet needs pyarrow. Install it: pip install 'gpubackprop[cli]'."
        ) from None
    except (OSError, ValueError) as error:  # pyarrow's own errors derive from these
        first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TableError(f"{path}: not a readable Parquet file ({first_line}).") from None
    table.columns = [str(name) for name in table.columns]
    return table.reset_index(drop=table.index.name is None)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _consecutive(numbers: list[int]) -> bool:
    return all(b - a == 1 for a, b in pairwise(numbers))


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
        _numbers(column)  # refuses infinities now, with the row, and not in the middle of training
        return "number"
    if pd.api.types.is_datetime64_any_dtype(column.dtype) or _looks_like_dates(column):
        first = column.dropna().iloc[0]
        raise TableError(
            f"column {column.name!r} holds dates ({first} in {_row(column.first_valid_index())}). "
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
        f"{_not_a_number(column, row)}, but the column looks like numbers. Correct it, or read the "
        f"column as text: --category {_quoted(column.name)}"
    )


# -- converting values ----------------------------------------------------------------------------


def _numbers(column: pd.Series[Any]) -> np.ndarray[Any, Any]:
    try:
        values = pd.to_numeric(column).to_numpy(dtype="float64", na_value=np.nan)
    except (ValueError, TypeError):
        numbers = pd.to_numeric(column.dropna().astype(str), errors="coerce")
        wrong = numbers.isna()
        row = cast(int, wrong.idxmax() if wrong.any() else column.first_valid_index())
        raise TableError(f"{_not_a_number(column, row)}.") from None
    infinite = np.flatnonzero(np.isinf(values))
    if infinite.size:
        row = cast(int, column.index[infinite[0]])
        raise TableError(
            f"column {column.name!r}, {_row(row)}: an infinite value. Put in a finite number, or "
            "nothing if it is unknown."
        )
    return cast("np.ndarray[Any, Any]", values)


def _truths(column: pd.Series[Any]) -> np.ndarray[Any, Any]:
    kept = column.dropna()
    truths = kept.astype(str).str.lower().map(_TRUTH)
    if truths.isna().any():
        row = cast(int, truths.isna().idxmax())
        raise TableError(
            f"column {column.name!r}, {_row(row)}: {column[row]!r} is neither true nor false."
        )
    return cast("np.ndarray[Any, Any]", truths.reindex(column.index).to_numpy(dtype="float64"))


def _texts(column: pd.Series[Any]) -> np.ndarray[Any, Any]:
    texts = column.astype(object).where(column.notna(), MISSING).map(str)
    return cast("np.ndarray[Any, Any]", texts.to_numpy(dtype=object))


def _labels(column: pd.Series[Any]) -> np.ndarray[Any, Any]:
    if _is_numeric(column) and not _is_boolean(column) and (column.astype(float) % 1 == 0).all():
        return cast("np.ndarray[Any, Any]", column.astype("int64").to_numpy())
    return np.array([str(value) for value in column])


def _not_a_number(column: pd.Series[Any], row: int) -> str:
    value = column[row]
    hint = ""
    if isinstance(value, str) and re.fullmatch(r"\s*[-+]?\d+,\d+\s*", value):
        hint = f" (decimals take a point: {value.strip().replace(',', '.')})"
    return f"column {column.name!r}, {_row(row)}: {value!r} is not a number{hint}"


def _row(label: object) -> str:
    return f"row {int(cast(int, label)) + 1} after the header"


def _quoted(name: object) -> str:
    text = str(name)
    return text if re.fullmatch(r"[\w.-]+", text) else f'"{text}"'
