"""Read a file's bytes, unpacked; a file is what its first bytes say, whatever its name."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import sys
import zipfile
import zlib
from pathlib import Path

from gpubackprop.table.errors import TableError, listing

STANDARD_INPUT = "-"
"""The path that stands for standard input."""

_UNPACK = {b"\x1f\x8b": gzip.decompress, b"BZh": bz2.decompress, b"\xfd7zXZ\x00": lzma.decompress}
_ZIP = b"PK\x03\x04"


def read_bytes(path: str | Path) -> tuple[bytes, str]:
    """Read a file, or standard input as ``-``, unpacked from .gz, .bz2, .xz or .zip.

    The name that is returned lacks the ending of its packing. TableError if it cannot be read or
    unpacked.
    """
    try:
        return _unpacked(_read(path), Path(path).name)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise TableError(f"cannot be read ({error}).") from None
    except (RuntimeError, NotImplementedError) as error:  # a zip with a password, or a rare packing
        raise TableError(f"cannot be unpacked ({error}). Unpack it first.") from None


def _read(path: str | Path) -> bytes:
    if str(path) == STANDARD_INPUT:
        return sys.stdin.buffer.read()
    if address := re.fullmatch(r"(\w+):/+(.+)", str(path)):
        whole = f"{address[1]}://{address[2]}"  # a path has lost one of its slashes
        raise TableError(f"only files are read, no addresses. Download it: curl -LO {whole}")
    if Path(path).is_dir():
        raise TableError("is a folder.")
    if not Path(path).exists():
        raise TableError("no such file.")
    return Path(path).read_bytes()


def _unpacked(data: bytes, name: str) -> tuple[bytes, str]:
    for start, unpack in _UNPACK.items():
        if data.startswith(start):
            return unpack(data), re.sub(r"\.(gz|bz2|xz)$", "", name, flags=re.IGNORECASE)
    if not data.startswith(_ZIP):
        return data, name
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if "xl/workbook.xml" in archive.namelist():
            return data, name
        files = [
            entry
            for entry in archive.namelist()
            if not entry.endswith("/") and not entry.startswith("__MACOSX/")
        ]
        if len(files) != 1:
            held = f"{len(files)} files ({listing(files, 5)})" if files else "no file"
            raise TableError(f"holds {held}; a table is one. Unpack it and name one.")
        return archive.read(files[0]), Path(files[0]).name
