"""Write a table in the form that a file's name asks for."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from gpubackprop.table.errors import TableError

_DIGITS = "%.8g"
"""What a network in single precision knows."""

_FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "": ("to_csv", {"index": False, "float_format": _DIGITS}),
    ".csv": ("to_csv", {"index": False, "float_format": _DIGITS}),
    ".txt": ("to_csv", {"index": False, "float_format": _DIGITS, "sep": "\t"}),
    ".tsv": ("to_csv", {"index": False, "float_format": _DIGITS, "sep": "\t"}),
    ".parquet": ("to_parquet", {"index": False}),
    ".pq": ("to_parquet", {"index": False}),
    ".feather": ("to_feather", {}),
    ".arrow": ("to_feather", {}),
    ".jsonl": ("to_json", {"orient": "records", "lines": True}),
    ".json": ("to_json", {"orient": "records"}),
    ".xlsx": ("to_excel", {"index": False}),
}


def encoder(path: Path | None) -> Callable[[pd.DataFrame], bytes]:
    """Choose a table's encoder by the ending of its file, CSV without a file, before any work.

    TableError if no form has this ending, or a package for it is missing.
    """
    ending = "" if path is None else path.suffix.lower()
    if ending not in _FORMS:
        endings = ", ".join(filter(None, _FORMS))
        raise TableError(f"{path}: no table is written as {ending}; the endings are {endings}.")
    if ending == ".xlsx" and find_spec("openpyxl") is None:
        raise TableError(f"{path}: writing Excel needs openpyxl. Install it: pip install openpyxl")
    method, options = _FORMS[ending]

    def encode(table: pd.DataFrame) -> bytes:
        buffer = io.BytesIO()
        getattr(table, method)(buffer, **options)
        return buffer.getvalue()

    return encode
