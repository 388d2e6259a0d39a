"""Read a delimited text: find its encoding, separator, header and decimal sign; pandas reads it."""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
import warnings
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

import pandas as pd

from gpubackprop.table.errors import TableError, listing
from gpubackprop.table.missing import MISSING_WORDS
from gpubackprop.table.names import split

_HEAD, _START = 100, 4096
"""Lines that are looked at to find the separator and the header, and bytes to know a text by."""
_NO_TEXT = (
    "holds bytes that no text has. A text in UTF-16 takes --encoding utf-16; other forms are "
    "Parquet, Feather, Arrow, JSON, .dta, .arff and .xlsx."
)
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_NUMBER = r"\s*[-+]?"
_DECIMAL_COMMA = re.compile(rf"{_NUMBER}\d+(,\d+)?\s*")
_THOUSANDS = re.compile(rf"{_NUMBER}\d{{1,3}}(,\d{{3}})*(\.\d+)?\s*")


@dataclass(frozen=True)
class Layout:
    """How a text's fields are separated, its columns' names, and the lines before its first row."""

    separator: str
    names: list[str]
    above: int


def read_delimited(
    data: bytes, text: Collection[str], encoding: str | None, header: bool
) -> pd.DataFrame:
    """Read a text whose fields are separated by commas, semicolons, tabs, bars or blanks.

    Comments and a title above the header are left out; without a header columns are c1, c2, ...
    Columns of `text` stay text although they look like numbers; in texts only an empty field is
    missing. The encoding None is UTF-8, or what the byte order mark says. TableError if it is not a
    table of this form.
    """
    decoded = _decoded(data, encoding)
    layout = _layout(decoded, header)
    forced = [name for name in split(text, layout.names) if name in layout.names]
    rows = _Rows(decoded, layout)
    usual: dict[str, Any] = {"na_values": MISSING_WORDS, "dtype": dict.fromkeys(forced, "str")}
    table = rows.read(**usual)
    if sign := _number_sign(_texts(table).drop(columns=forced), layout.separator):
        table = rows.read(**usual, **sign)
    texts = _texts(table)
    gaps = [str(name) for name in texts if texts[name].isna().any()]
    if gaps:  # a region may be named NA, a class None
        plain: dict[str, Any] = {"dtype": "str", "keep_default_na": False, "na_values": [""]}
        table[gaps] = rows.read(usecols=gaps, **plain)[gaps]
    return table


class _Rows:
    """The rows of a text, which pandas reads."""

    def __init__(self, text: str, layout: Layout) -> None:
        start = sum(map(len, islice(io.StringIO(text, newline=""), layout.above)))
        self._bytes = text[start:].encode()
        self._layout = layout

    def read(self, **options: Any) -> pd.DataFrame:
        """Read the rows; TableError names the line where they break."""
        layout = self._layout
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)
                table: pd.DataFrame = pd.read_csv(
                    io.BytesIO(self._bytes),
                    sep=r"\s+" if layout.separator == " " else layout.separator,
                    header=None,
                    names=layout.names,
                    encoding="utf-8",
                    skipinitialspace=True,
                    index_col=False,
                    low_memory=False,  # one type per column, not one per chunk of it
                    **options,
                )
                return table
        except pd.errors.EmptyDataError:
            raise TableError("the table has a header but no rows.") from None
        except pd.errors.ParserWarning:
            raise TableError(
                f"the rows hold more values than the first row has names ({len(layout.names)})."
            ) from None
        except pd.errors.ParserError as error:
            what = str(error).removeprefix("Error tokenizing data. C error: ").strip()
            raise TableError(
                "not a well-formed CSV file: "
                + re.sub(r"(?<=line )\d+", lambda line: str(int(line[0]) + layout.above), what)
            ) from None


def _texts(table: pd.DataFrame) -> pd.DataFrame:
    """Take the columns of texts."""
    kinds = {name: pd.api.types.infer_dtype(table[name], skipna=True) for name in table.columns}
    return table[[name for name, kind in kinds.items() if kind == "string"]]


# -- encoding -------------------------------------------------------------------------------------


def _decoded(data: bytes, encoding: str | None) -> str:
    """Decode, without a byte order mark; TableError names the line that is not in the encoding."""
    marked = next((name for mark, name in _MARKS.items() if data.startswith(mark)), None)
    chosen = encoding or marked or "utf-8"
    try:
        return data.decode(chosen).removeprefix("\ufeff")
    except LookupError:
        raise TableError(
            f"--encoding {encoding}: no such encoding; utf-8, utf-16, cp1252, latin-1 are usual."
        ) from None
    except UnicodeDecodeError as error:
        if b"\0" in data[:_START]:
            raise TableError(_NO_TEXT) from None
        line = data[: error.start].count(b"\n") + 1
        around = data[max(error.start - 10, 0) : error.start + 10].splitlines()
        held = next((part for part in around if data[error.start : error.start + 1] in part), b"")
        guess = held.decode("cp1252", "replace").strip()
        other = "cp1252" if chosen.startswith("utf-8") else "utf-8"
        raise TableError(
            f"line {line}: byte 0x{data[error.start]:02x} is not {chosen.upper()} (as Windows' "
            f"cp1252: {guess!r}). Name the file's encoding: --encoding {other}"
        ) from None


# -- where the table begins -----------------------------------------------------------------------


def _layout(text: str, header: bool) -> Layout:
    lines = list(islice(io.StringIO(text, newline=""), _HEAD))
    if any("\0" in line for line in lines):
        raise TableError(_NO_TEXT)
    above = 0
    while above < len(lines) and (lines[above].startswith("#") or not lines[above].strip()):
        above += 1
    body = lines[above:]
    if not body:
        raise TableError("holds comments only, no table.")
    separator = max(",;\t|", key=lambda mark: _agreement(body, mark))
    if _agreement(body, separator)[0] < _agreement(body, " ")[0] and _even(body, " "):
        separator = " "
    rows = _fields(body, separator)
    if not header:
        width = max(len(fields) for _, fields in rows)
        return Layout(separator, [f"c{i + 1}" for i in range(width)], above)
    end, names = rows[_titles([fields for _, fields in rows])]
    _check_header(names)
    if _has_row_names(names, [fields for _, fields in rows[1:]]):
        names = ["", *names]
    names = [name or f"Unnamed: {i}" for i, name in enumerate(names)]
    return Layout(separator, names, above + end)


def _fields(lines: Sequence[str], separator: str) -> list[tuple[int, list[str]]]:
    """Split lines into rows, each with the number of its last line."""
    stripped = (line.expandtabs(1).strip(" ") if separator == " " else line for line in lines)
    reader = csv.reader(stripped, delimiter=separator, skipinitialspace=True)
    try:
        return [(reader.line_num, [field.strip() for field in row]) for row in reader if row]
    except csv.Error as error:
        raise TableError(f"not a well-formed CSV file: {error}.") from None


def _agreement(lines: Sequence[str], separator: str) -> tuple[float, int]:
    """How many lines have the commonest number of fields, more than one; and that number."""
    counts = Counter(len(fields) for _, fields in _fields(lines, separator))
    width, agreeing = max(counts.items(), key=lambda pair: (pair[1], pair[0]))
    return (agreeing, width) if width > 1 else (0, 1)


def _even(lines: Sequence[str], separator: str) -> bool:
    """Whether lines break into as many fields, the header into one less where R names rows."""
    header, *rows = (len(fields) for _, fields in _fields(lines, separator))
    return len(set(rows)) <= 1 and (not rows or header in (rows[0], rows[0] - 1))


def _has_row_names(header: list[str], rows: list[list[str]]) -> bool:
    """Whether rows begin with their names, for which R writes no name into the header."""
    if any(len(fields) != len(header) + 1 for fields in rows) or not any(row[-1] for row in rows):
        return False  # an empty last field is a separator at the line's end
    names = [fields[0] for fields in rows]
    counted = all(map(str.isdigit, names)) and _consecutive(list(map(int, names)))
    return counted or not any(map(_is_number, names))


def _titles(rows: list[list[str]]) -> int:
    """Count the lines above the header: of one field, over rows of several that name columns."""
    width = Counter(map(len, rows)).most_common(1)[0][0]
    filled = [len([field for field in row if field]) for row in rows]
    first = next((i for i, row in enumerate(rows) if len(row) == width and filled[i] > 1), 0)
    lone = all(count <= 1 for count in filled[:first])
    return first if width > 1 and lone and not any(map(_is_number, rows[first])) else 0


def _check_header(header: list[str]) -> None:
    numeric = [name for name in header if _is_number(name)]
    # 0, 1, 2, ... is what pandas writes for columns without names; 2019, 2020, ... are years.
    counted = all(name.isdigit() for name in numeric) and _consecutive([int(n) for n in numeric])
    if 2 * len(numeric) >= len(header) and not counted:
        raise TableError(
            f"the first row should name the columns, but it holds numbers ({listing(header, 5)}). "
            "If it has no header row: --no-header (the columns become c1, c2, ...)"
        )
    repeated = {name for name in header if name and header.count(name) > 1}
    if repeated:
        raise TableError(
            f"the first row names {listing(sorted(map(repr, repeated)), 5)} more than once. Give "
            "every column its own name (if it has no header row: --no-header)."
        )


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _consecutive(numbers: list[int]) -> bool:
    return all(b - a == 1 for a, b in pairwise(numbers))


# -- numbers with commas --------------------------------------------------------------------------


def _number_sign(texts: pd.DataFrame, separator: str) -> dict[str, str]:
    """Find what the commas in columns of numbers are: decimal signs or marks of thousands."""
    kept = [texts[name].dropna() for name in texts]
    commas = [column for column in kept if column.str.contains(",", regex=False).any()]
    numbers = [column for column in commas if column.str.fullmatch(_DECIMAL_COMMA).all()]
    thousands = [column for column in commas if column.str.fullmatch(_THOUSANDS).all()]
    if thousands and (separator == "," or len(thousands) > len(numbers)):
        return {"thousands": ","}
    return {"decimal": ","} if numbers else {}
