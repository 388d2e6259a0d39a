"""Write files whole or not at all, and read none that is larger or stranger than expected."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

fcntl: Any
try:
    fcntl = import_module("fcntl")
except ImportError:  # not POSIX: what a killed process leaves stays there
    fcntl = None

_PREFIX, _SUFFIX = ".gpubackprop-", ".partial"


class WriteError(Exception):
    """A file that cannot be written; the message names it and says why."""


class ReadError(Exception):
    """A file that is not read; the message says why, without its name."""


def check_writable(path: str | Path) -> None:
    """Raise WriteError, before any work is done, if a path cannot be written."""
    final = _place(path)
    try:
        descriptor, partial = _begin(final.parent)
    except OSError as error:
        raise WriteError(f"{path}: cannot be written ({error.strerror}).") from error
    os.close(descriptor)
    partial.unlink(missing_ok=True)


def write_atomically(path: str | Path, data: bytes, mode: int | None = None) -> None:
    """Write a file whole or not at all, as `replacing` does."""
    with replacing(path, mode) as file:
        file.write(data)


@contextmanager
def replacing(path: str | Path, mode: int | None = None) -> Iterator[BinaryIO]:
    """Open a file that is written beside the path, and takes its place at the end of the block.

    Any number of threads and processes may write one path: the last one's content stands. What a
    killed process left half written in the folder is removed. A file goes to the disk before it is
    in its place. `mode` None keeps the permissions of the file that is replaced; a new file gets
    what the process gives to all new files. WriteError if it cannot be written; what was at the
    path stays.
    """
    final = _place(path)
    partial = None
    try:
        _remove_orphans(final.parent)
        permissions = mode if mode is not None else _permissions(final)
        descriptor, partial = _begin(final.parent)
        with os.fdopen(descriptor, "wb") as file:
            os.chmod(descriptor, permissions)
            yield file
            file.flush()
            os.fsync(descriptor)
            os.replace(partial, final)
    except OSError as error:
        kept = "; the file that was there is unchanged" if final.exists() else ""
        raise WriteError(f"{path}: could not be written ({error.strerror}){kept}.") from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)


def read_regular(path: str | Path, most: int) -> bytes:
    """Read an ordinary file; a pipe, a device, a folder or a larger file is not even begun.

    OSError if it cannot be opened; ReadError if it is not an ordinary file, or has more bytes than
    `most`.
    """
    return _read(path, most, _require_regular)


def read_own(path: str | Path, most: int) -> bytes:
    """Read an ordinary file that nobody but this user can have written, as `read_regular` does.

    ReadError too if it belongs to another user, or others may write it.
    """
    return _read(path, most, _require_own_file)


def check_own(path: str | Path) -> None:
    """Refuse what `read_own` refuses, whatever its size; OSError if the file is missing."""
    _require_own_file(os.stat(path))


def _read(path: str | Path, most: int, require: Callable[[os.stat_result], None]) -> bytes:
    require(os.stat(path))  # before it is opened: a tape would start to wind
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        require(found)
        if found.st_size > most:
            raise ReadError(f"it has {found.st_size:,} bytes, more than the {most:,} that are read")
        return file.read(found.st_size)


def require_own(found: os.stat_result) -> None:
    """Refuse what another user has, or could have, written: ReadError says why."""
    if not hasattr(os, "geteuid"):
        return
    if found.st_uid != os.geteuid():
        raise ReadError(f"it belongs to user {found.st_uid}, this is user {os.geteuid()}")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ReadError("other users may write it")


def _require_own_file(found: os.stat_result) -> None:
    _require_regular(found)
    require_own(found)


def _require_regular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ReadError("it is not an ordinary file")


def _place(path: str | Path) -> Path:
    """Follow a path's links; WriteError if no file can be written at their end."""
    try:
        final = Path(path).resolve()  # a link stays a link
    except (OSError, RuntimeError) as error:
        raise WriteError(f"{path}: cannot be written ({error}).") from error
    folder = final.parent
    if not folder.is_dir():
        raise WriteError(f"{path}: cannot be written, there is no folder {folder}.")
    if not os.access(folder, os.W_OK):
        raise WriteError(f"{path}: cannot be written, the folder {folder} is read-only.")
    try:
        there = final.stat()
    except FileNotFoundError:
        return final
    except OSError as error:
        raise WriteError(f"{path}: cannot be written ({error.strerror}).") from error
    if not stat.S_ISREG(there.st_mode):
        raise WriteError(f"{path}: cannot be written, it is not an ordinary file.")
    if not _may_replace(there, folder.stat()):
        raise WriteError(
            f"{path}: cannot be written, it belongs to another user and the folder {folder} lets "
            "only its owner replace it. Name another file."
        )
    return final


def _may_replace(there: os.stat_result, folder: os.stat_result) -> bool:
    """Whether this user may put a file in place of another: a sticky folder keeps each to its own.

    The superuser may.
    """
    if not hasattr(os, "geteuid") or not folder.st_mode & stat.S_ISVTX:
        return True
    return os.geteuid() in (0, there.st_uid, folder.st_uid)


def _begin(folder: Path) -> tuple[int, Path]:
    """Create a file that no other writer takes for its own, nor for an orphan."""
    while True:
        descriptor, name = tempfile.mkstemp(_SUFFIX, _PREFIX, folder)
        if _lock(descriptor) and os.fstat(descriptor).st_nlink:
            return descriptor, Path(name)
        os.close(descriptor)  # taken for an orphan before it was locked


def _lock(descriptor: int) -> bool:
    """Mark a file as being written; False if another process has it at this moment."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _remove_orphans(folder: Path) -> None:
    """Remove what killed processes left half written: nobody holds its lock any more."""
    if fcntl is None:
        return
    for orphan in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with suppress(OSError):  # another's, or in use, or gone
            descriptor = os.open(orphan, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                orphan.unlink()
            finally:
                os.close(descriptor)


def _permissions(final: Path) -> int:
    """Permissions of the file that is replaced, or else of any new one."""
    if final.exists():
        return stat.S_IMODE(final.stat().st_mode) & 0o777
    return 0o666 & ~_umask()


def _umask() -> int:
    """What new files are not permitted."""
    with suppress(OSError):  # asking the system by setting it would concern all threads
        for line in Path("/proc/self/status").read_text("ascii", "replace").splitlines():
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    before = os.umask(0o077)
    os.umask(before)
    return before
