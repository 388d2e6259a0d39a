"""Write files whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


class WriteError(Exception):
    """A file that cannot be written; the message names it and says why."""


def check_writable(path: str | Path) -> None:
    """Refuse, before any work is done, a path that cannot be written.

    Parameters
    ----------
    path : str or Path
        Where a file is to be written later.

    Raises
    ------
    WriteError
        If it cannot be.
    """
    path = Path(path)
    folder = path.resolve().parent
    if path.exists() and not path.is_file():
        raise WriteError(f"{path}: cannot be written, it is not an ordinary file.")
    if not folder.is_dir():
        raise WriteError(f"{path}: cannot be written, there is no folder {folder}.")
    if not os.access(folder, os.W_OK):
        raise WriteError(f"{path}: cannot be written, the folder {folder} is read-only.")


def write_atomically(path: str | Path, data: bytes) -> None:
    """Write a file whole or not at all: beside it, to the disk, then in its place.

    Parameters
    ----------
    path : str or Path
        Where to.
    data : bytes
        What.

    Raises
    ------
    WriteError
        If it cannot be written; what was there stays.
    """
    check_writable(path)
    final = Path(path).resolve()  # a link stays a link
    partial = final.with_name(f".{final.name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, final)
    except OSError as error:
        kept = "; the file that was there is unchanged" if final.exists() else ""
        raise WriteError(f"{path}: could not be written ({error.strerror}){kept}.") from error
    finally:
        partial.unlink(missing_ok=True)
