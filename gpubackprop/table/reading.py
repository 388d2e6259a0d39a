"""Read a table from a CSV or Parquet file."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from gpubackprop.table.errors import TableError, listing

_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".gz": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}


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
        If the file is not a table of this form.
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
