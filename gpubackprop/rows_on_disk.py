"""Tables of numbers in column files, as rows that stay on disk while a model trains."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .files import ReadError, check_own, replacing

if TYPE_CHECKING:
    from .algorithm.memory import Array

_ROWS_AT_ONCE = 1 << 16
"""Rows that are converted at a time."""


class MappedRows(NamedTuple):
    """Examples on disk, and what they are called."""

    X: Array
    """Examples, of shape (n, n_features), memory-mapped and read-only."""
    y: Array | None
    """The target's column, of shape (n,), in memory; None where no target was named."""
    columns: tuple[str, ...]
    """Names of the columns of X."""


def mapped_rows(
    path: str | os.PathLike[str],
    target: str | None = None,
    *,
    columns: Sequence[str] | None = None,
    dtype: Any = np.float32,
    scratch: str | os.PathLike[str] | None = None,
) -> MappedRows:
    """Read a Parquet, Feather or Arrow file as rows that need not fit into memory.

    The numbers are written once, row after row, into a file that only its owner can read; later
    calls find it, unless the table is newer. `fit` takes its batches from there without a copy;
    where they do not fit into memory, `shuffle="blocks"` reads them in blocks, not one by one.

    Parameters
    ----------
    path : str or os.PathLike
        A file whose name ends in .parquet, .feather or .arrow.
    target : str or None, default=None
        Column to learn; the others are the examples.
    columns : sequence of str or None, default=None
        Columns of the examples; by default all but the target.
    dtype : dtype, default=float32
        Type of the examples: float32 or float64.
    scratch : str, os.PathLike or None, default=None
        Folder for the file of rows; by default that of the table.

    Returns
    -------
    rows : MappedRows

    Raises
    ------
    ImportError
        If pyarrow is missing.
    ValueError
        If a column is missing or holds no numbers, or the file's kind is another one.

    Examples
    --------
    >>> import tempfile, pyarrow, pyarrow.parquet
    >>> from gpubackprop import mapped_rows
    >>> path = f"{tempfile.mkdtemp()}/data.parquet"
    >>> table = pyarrow.table({"a": [1, 2], "b": [3.5, 4.5], "c": ["no", "yes"]})
    >>> pyarrow.parquet.write_table(table, path)
    >>> X, y, names = mapped_rows(path, "c")
    >>> X.tolist(), y.tolist(), names
    ([[1.0, 3.5], [2.0, 4.5]], ['no', 'yes'], ('a', 'b'))
    """
    source, dtype = Path(path), np.dtype(dtype)
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float32 or float64, got {dtype}")
    table = _opened(source)
    names = _chosen(source, table.schema, target, columns)
    y = None if target is None else table.to_table(columns=[target])[target].to_numpy()
    key = hashlib.sha256(repr((names, dtype.str)).encode()).hexdigest()[:12]
    kept = Path(scratch or source.parent) / f"{source.name}.{key}.rows"
    if not _is_current(kept, source):
        _write(kept, table, names, dtype)
    return MappedRows(np.load(kept, mmap_mode="r"), y, names)


def _opened(source: Path) -> Any:
    try:
        from pyarrow import dataset
    except ImportError as error:
        raise ImportError("mapped_rows needs pyarrow: pip install pyarrow") from error
    kinds = {".parquet": "parquet", ".feather": "feather", ".arrow": "ipc"}
    if source.suffix.lower() not in kinds:
        raise ValueError(f"path must end in {', '.join(kinds)}, got {str(source)!r}")
    return dataset.dataset(source, format=kinds[source.suffix.lower()])


def _chosen(
    source: Path, schema: Any, target: str | None, columns: Sequence[str] | None
) -> tuple[str, ...]:
    """Names of the columns of numbers to read."""
    from pyarrow import types

    names = tuple(n for n in schema.names if n != target) if columns is None else tuple(columns)
    missing = [name for name in (*names, *filter(None, [target])) if name not in schema.names]
    if missing:
        raise ValueError(f"{source} has no column {missing[0]!r}; it has {schema.names}")
    for name in names:
        kind = schema.field(name).type
        if not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)):
            raise ValueError(
                f"column {name!r} of {source} holds {kind}, no numbers: name those to learn from "
                "in columns, or encode it first"
            )
    return names


def _is_current(kept: Path, source: Path) -> bool:
    """Whether a file of rows is the user's own and not older than its table."""
    try:
        check_own(kept)
        return kept.stat().st_mtime_ns >= source.stat().st_mtime_ns
    except FileNotFoundError:
        return False
    except ReadError as reason:
        raise ValueError(f"{kept} is not read: {reason}; name another folder in scratch") from None


def _write(kept: Path, table: Any, names: tuple[str, ...], dtype: np.dtype[Any]) -> None:
    """Write all rows, a block at a time, as NumPy's own file format."""
    shape = table.count_rows(), len(names)
    with replacing(kept, mode=0o600) as file:
        header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for block in _blocks(table, names, dtype):
            file.write(block.data)


def _blocks(table: Any, names: tuple[str, ...], dtype: np.dtype[Any]) -> Iterator[Array]:
    ahead = {"batch_readahead": 1, "fragment_readahead": 1}  # by default, gigabytes
    for batch in table.to_batches(columns=list(names), batch_size=_ROWS_AT_ONCE, **ahead):
        block = np.empty((batch.num_rows, len(names)), dtype)
        for j, column in enumerate(batch.columns):
            block[:, j] = column.to_numpy(zero_copy_only=False)
        yield block
