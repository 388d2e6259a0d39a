"""Read a table from a file of any usual form."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from gpubackprop.table.delimited import read_delimited
from gpubackprop.table.errors import TableError, naming
from gpubackprop.table.packed import read_bytes

_JSON_LINES = (".jsonl", ".ndjson")
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_ARFF_DATA = re.compile(r"^\s*@data.*$", re.IGNORECASE | re.MULTILINE)
_ARFF_QUOTED = re.compile(r"""("[^"\n]*")|(?<![^,\t\n])( *)'([^'"\n]*)' *(?![^,\t\n])""")


def read_table(
    path: str | Path,
    text: Collection[str] = (),
    *,
    encoding: str | None = None,
    header: bool = True,
) -> pd.DataFrame:
    """Read a table: text, Parquet, Feather, Arrow, JSON, Stata, ARFF or Excel, packed or not.

    Its content says what it is, not its name; ``-`` is standard input. `text`, `encoding` and
    `header` are those of `read_delimited`, and of a sheet. The index counts the rows from 0.
    TableError if the file is not a table of such a form.
    """
    with naming(path):
        data, name = read_bytes(path)
        table = _tidied(_parsed(data, name, text, encoding, header))
        if table.empty:
            raise TableError("the table has a header but no rows.")
    return table


def _parsed(
    data: bytes, name: str, text: Collection[str], encoding: str | None, header: bool
) -> pd.DataFrame:
    if not data.strip():
        raise TableError("the file is empty.")
    if data.startswith(b"PAR1"):
        return _by_pandas("Parquet", pd.read_parquet, data)
    if data.startswith((b"ARROW1", b"FEA1")):
        return _by_pandas("Arrow", pd.read_feather, data)
    if data.startswith(b"\xff\xff\xff\xff"):
        return _by_pandas("Arrow", _read_stream, data)
    if data.startswith(b"PK\x03\x04"):
        return _read_sheet(data, text, header)
    if data.startswith(_OLD_EXCEL):
        raise TableError("an Excel file of before 2007. Save it as .xlsx or CSV.")
    ending = Path(name).suffix.lower()
    if ending == ".dta":
        return _by_pandas("Stata", pd.read_stata, data)
    if ending == ".arff":
        return _by_pandas("ARFF", _read_arff, data)
    json = ending in (".json", *_JSON_LINES)
    if json or (not ending and data.lstrip()[:1] in (b"{", b"[")):
        return _read_json(data, ending)
    return read_delimited(data, text, encoding, header)


def _by_pandas(form: str, read: Any, data: bytes, **options: Any) -> pd.DataFrame:
    """Have pandas read a file; its errors become ours."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what else is in a workbook, of coming changes
            table: pd.DataFrame = read(io.BytesIO(data), **options)
    except ImportError as error:
        package = "openpyxl" if form == "Excel" else "pyarrow"
        raise TableError(
            f"reading {form} needs {package} ({error}). Install it: pip install {package}"
        ) from None
    except Exception as error:  # pyarrow's, zipfile's and the XML parser's own
        first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TableError(f"not a readable {form} file ({first_line}).") from None
    return table.reset_index(drop=table.index.name is None)


def _read_stream(file: io.BytesIO) -> pd.DataFrame:
    import pyarrow.ipc

    table: pd.DataFrame = pyarrow.ipc.open_stream(file).read_pandas()
    return table


def _read_arff(file: io.BytesIO) -> pd.DataFrame:
    from scipy.io import arff

    text = io.TextIOWrapper(file, "utf-8").read()
    mark = _ARFF_DATA.search(text)
    if mark is None:
        raise ValueError("no line @data")
    # SciPy takes the quotes of the first row, or double ones, for those of all
    rows = _ARFF_QUOTED.sub(lambda found: found[1] or f'{found[2]}"{found[3]}"', text[mark.end() :])
    table = pd.DataFrame(arff.loadarff(io.StringIO(text[: mark.end()] + rows))[0])
    texts = table.select_dtypes(object)
    texts = texts.apply(lambda column: column.str.decode("utf-8"))
    table[texts.columns] = texts.mask(texts == "?")
    return table


def _read_sheet(data: bytes, text: Collection[str], header: bool) -> pd.DataFrame:
    """Read a workbook's first sheet by way of CSV, with the same rules about headers."""
    sheet = _by_pandas("Excel", pd.read_excel, data, header=None, dtype=object)
    return read_delimited(sheet.to_csv(header=False, index=False).encode(), text, "utf-8", header)


def _read_json(data: bytes, ending: str) -> pd.DataFrame:
    lines = ending in _JSON_LINES or (data.lstrip()[:1] == b"{" and data.strip().count(b"\n{") > 0)
    return _by_pandas("JSON", pd.read_json, data, lines=lines, convert_dates=False)


def _tidied(table: pd.DataFrame) -> pd.DataFrame:
    """Strip blanks from names and texts; a text of blanks only is missing."""
    table.columns = [str(name).strip() for name in table.columns]
    repeated = table.columns[table.columns.duplicated()].unique()
    if len(repeated):
        raise TableError(f"{list(map(str, repeated))} name more than one column.")
    for name in table.columns:
        column = table[name]
        if pd.api.types.is_numeric_dtype(column.dtype) or column.dtype.kind in "Mm":
            continue
        values = column.astype(object)
        if pd.api.types.infer_dtype(values, skipna=True) == "string":
            stripped = values.str.strip()
            table[name] = stripped.where(stripped != "")
    return table
