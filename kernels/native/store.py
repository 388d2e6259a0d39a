"""Object files on disk: written once, read by every later process, never in anyone's way.

They are run, so only the user's own count: a folder or file of another user, or one that others may
write, is neither read nor written, and a warning says so. A file that is not there, cannot be read,
is damaged or belongs to other sources or another processor counts as absent; one that cannot be
written is not written. That is said in the log at its lowest level.
"""

import hashlib
import logging
import os
import platform
import re
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import platformdirs

from ...files import ReadError, WriteError, require_own, write_atomically
from . import requirements, sources
from .targets import own_target

_log = logging.getLogger("gpubackprop")
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)

MOST_VERSIONS = 8
"""Folders that are kept, one for each version of sources, compiler and Python; the last used."""
_DAY = 24 * 3600.0
UNUSED = 30 * _DAY
"""After as many seconds without use the folder of another version is removed."""


class _UntrustedError(Exception):
    """A folder or file that someone else could have filled; the message names it and says why."""


def directory() -> Path:
    """Where object files are kept: `GPUBACKPROP_CACHE_DIR`, or the user's cache directory."""
    chosen = os.environ.get("GPUBACKPROP_CACHE_DIR")
    kept = chosen or platformdirs.user_cache_dir("gpubackprop", appauthor=False)
    return Path(os.path.expanduser(kept))


@cache
def fingerprint() -> str:
    """Hash of all that the machine code depends on: sources, compiler, Python and processor."""
    python, system = sys.implementation.cache_tag, sys.platform  # what no update changes
    parts = (sources.digest(), *requirements.installed().values())
    parts = (*parts, python, system, platform.machine(), *own_target())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def count() -> int:
    """Number of object files that this very installation can use."""
    try:
        with _folder():
            return len(list((directory() / fingerprint()).glob("*.o")))
    except OSError:
        return 0
    except _UntrustedError as reason:
        _warn(str(reason))
        return 0


def read(name: str) -> tuple[str, bytes] | None:
    """Return symbol and object file of a kernel, or None if the store does not hold it whole."""
    try:
        content = _content(f"{name}.o")
    except OSError as reason:
        _log.debug("no compiled %s: %s", name, reason)
        return None
    except _UntrustedError as reason:
        _warn(str(reason))
        return None
    checksum, _, payload = content.partition(b"\n")
    if checksum.decode("ascii", "replace") != _checksum(name, payload):
        _log.debug("compiled %s is damaged, compiling anew", name)
        return None
    symbol, _, code = payload.partition(b"\n")
    return symbol.decode(), code


def write(name: str, symbol: str, code: bytes) -> None:
    """Keep an object file, whole or not at all."""
    payload = symbol.encode() + b"\n" + code
    content = _checksum(name, payload).encode() + b"\n" + payload
    try:
        _make_folder()
        path = directory() / fingerprint() / f"{name}.o"
        with _folder() as folder:
            with suppress(FileNotFoundError):
                _require_own(path, os.stat(path.name, dir_fd=folder, follow_symlinks=False))
            write_atomically(path, content, mode=0o600)
    except (OSError, WriteError) as reason:
        _log.debug("compiled %s is not kept: %s", name, reason)
    except _UntrustedError as reason:
        _warn(str(reason))


def _checksum(name: str, payload: bytes) -> str:
    """Hash of a kernel's name and code: a file under another kernel's name is a damaged one."""
    return hashlib.sha256(name.encode() + b"\n" + payload).hexdigest()


@cache
def _warn(words: str) -> None:
    """Say once what is not used."""
    _log.warning("%s", words)


def _make_folder() -> None:
    base = directory()
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        (base / fingerprint()).mkdir(mode=0o700)
    except FileExistsError:
        return
    with _opened(base, None), suppress(OSError):  # another process may be removing them as well
        _remove_old_versions(base)


def _remove_old_versions(base: Path) -> None:
    """Remove the folders of versions that are used no more."""
    found = [
        (folder.lstat().st_mtime, folder)
        for folder in base.iterdir()
        if re.fullmatch("[0-9a-f]{16}", folder.name) and folder.name != fingerprint()
    ]
    found.sort(reverse=True)
    for newer, (used, folder) in enumerate(found, start=1):
        if newer >= MOST_VERSIONS or time.time() - used > UNUSED:
            shutil.rmtree(folder, ignore_errors=True)


def _content(name: str) -> bytes:
    """Read an ordinary file of the user's own in this version's folder."""
    path = directory() / fingerprint() / name
    with _folder() as folder:
        descriptor = os.open(name, os.O_RDONLY | _NO_LINK, dir_fd=folder)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise FileNotFoundError(f"{path} is not an ordinary file")
            _require_own(path, found)
            _note_use(folder)
            return file.read()


@contextmanager
def _folder() -> Iterator[int]:
    """Open this version's folder, if it and the one above are the user's own."""
    base = directory()
    with _opened(base, None) as above, _opened(base / fingerprint(), above) as folder:
        yield folder


@contextmanager
def _opened(path: Path, above: int | None) -> Iterator[int]:
    """Open a folder of the user's own, by its path or in the one above, where it is no link."""
    if os.name != "posix":
        raise OSError("whose a folder is, and who may write it, is not known on this system")
    where = (path, 0) if above is None else (path.name, _NO_LINK)
    descriptor = os.open(where[0], os.O_RDONLY | os.O_DIRECTORY | where[1], dir_fd=above)
    try:
        _require_own(path, os.fstat(descriptor))
        yield descriptor
    finally:
        os.close(descriptor)


def _require_own(path: Path, found: os.stat_result) -> None:
    """Refuse what another user has, or could have, written: its code would run as this user's."""
    try:
        require_own(found)
    except ReadError as reason:
        raise _UntrustedError(
            f"compiled code in {path} is not used, {reason}: every process compiles anew; set "
            "GPUBACKPROP_CACHE_DIR to a folder of your own"
        ) from None


def _note_use(folder: int) -> None:
    """Keep the time of last use, which decides what is removed."""
    if time.time() - os.fstat(folder).st_mtime > _DAY:
        with suppress(OSError):  # a file system that is read only
            os.utime(folder)
