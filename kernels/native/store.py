"""Object files on disk: written once, read by every later process, never in anyone's way.

A file that cannot be read, is damaged or belongs to other sources or another processor counts as
absent; one that cannot be written is not written. Both are said in the log and nowhere else.
"""

import hashlib
import logging
import os
import platform
import tempfile
from functools import cache
from pathlib import Path

import platformdirs

from . import requirements
from .loader import host_features, host_name

_log = logging.getLogger("gpubackprop")
_SOURCES = Path(__file__).resolve().parent.parent


def directory() -> Path:
    """Where object files are kept: `GPUBACKPROP_CACHE_DIR`, or the user's cache directory."""
    chosen = os.environ.get("GPUBACKPROP_CACHE_DIR")
    return Path(chosen or platformdirs.user_cache_dir("gpubackprop", appauthor=False))


@cache
def fingerprint() -> str:
    """Hash of all that the machine code depends on: sources, compiler, Python and processor."""
    digest = hashlib.sha256()
    for source in sorted(_SOURCES.rglob("*.py")):
        digest.update(source.name.encode() + source.read_bytes())
    for number in requirements.installed().values():
        digest.update(number.encode())
    digest.update(f"{platform.python_version()} {platform.platform()}".encode())
    digest.update(f"{host_name()} {host_features()}".encode())
    return digest.hexdigest()[:16]


def count() -> int:
    """Number of object files that this very installation can use."""
    return len(list((directory() / fingerprint()).glob("*.o")))


def read(name: str) -> tuple[str, bytes] | None:
    """Return symbol and object file of a kernel, or None if it is not there whole."""
    try:
        content = _path(name).read_bytes()
    except OSError as reason:
        _log.debug("no compiled %s: %s", name, reason)
        return None
    checksum, _, payload = content.partition(b"\n")
    if checksum.decode("ascii", "replace") != hashlib.sha256(payload).hexdigest():
        _log.debug("compiled %s is damaged, compiling anew", name)
        return None
    symbol, _, code = payload.partition(b"\n")
    return symbol.decode(), code


def write(name: str, symbol: str, code: bytes) -> None:
    """Keep an object file, whole or not at all."""
    payload = symbol.encode() + b"\n" + code
    content = hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload
    path = _path(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, partial = tempfile.mkstemp(dir=path.parent)
    except OSError as reason:
        _log.debug("compiled %s is not kept: %s", name, reason)
        return
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(partial, path)
    except OSError as reason:
        _log.debug("compiled %s is not kept: %s", name, reason)
    finally:
        Path(partial).unlink(missing_ok=True)  # after an interrupt, too


def _path(name: str) -> Path:
    return directory() / fingerprint() / f"{name}.o"
