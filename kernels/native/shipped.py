"""Machine code that comes with the package: an object file for each level, with every kernel in it.

It lies beside the sources and is trusted as they are. Where it is not there, as in a checkout, or
where sources were edited since, kernels are compiled when they are first needed.
"""

import logging
import zlib
from functools import cache
from pathlib import Path

from . import loader
from .sources import digest
from .targets import Target, own_target

_log = logging.getLogger("gpubackprop")
FOLDER = Path(__file__).parent
"""Where a wheel's object files lie."""


def write(folder: Path, target: Target, code: bytes) -> None:
    """Keep an object file of all kernels where a wheel is put together."""
    _file(folder, target).write_bytes(digest().encode() + b"\n" + zlib.compress(code, 9))


def entry(symbol: str) -> int | None:
    """Return the address of a kernel's machine code, or None if it did not come along."""
    library = _library()
    return None if library is None else library.address(symbol)


def is_used() -> bool:
    """Whether machine code for this processor came along and belongs to these sources."""
    return _library() is not None


@cache
def _library() -> loader.Library | None:
    """Load the object file for this processor once."""
    path = _file(FOLDER, own_target())
    try:
        compiled_from, _, code = path.read_bytes().partition(b"\n")
        if compiled_from.decode("ascii", "replace") != digest():
            _log.info("%s was compiled from other sources, compiling when needed", path)
            return None
        return loader.Library(zlib.decompress(code))
    except (OSError, zlib.error, RuntimeError) as reason:
        _log.debug("no machine code came with the package, compiling when needed: %s", reason)
        return None


def _file(folder: Path, target: Target) -> Path:
    return folder / f"{target.cpu}.kernels"
