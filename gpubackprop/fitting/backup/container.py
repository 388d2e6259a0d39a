"""The container of a backup: a description in JSON, then arrays as they lie in memory.

Nothing in it is code, and everything is looked at before it is used: lengths, types, a checksum.
"""

import json
import struct
import zlib
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ...algorithm.memory import Array
from ...files import ReadError, read_own, replacing

_MAGIC = b"gpubackprop backup 1\n"
_SIZES = struct.Struct("<QI")
"""Length of the description, and the checksum of all that follows."""
LARGEST_DESCRIPTION = 64 << 20
"""Bytes of a description."""


def write(path: Path, description: dict[str, Any], arrays: dict[str, Array]) -> None:
    """Write a container that only its owner can read, whole or not at all.

    JSON holds the description. WriteError if it cannot be written; what was at the path stays.
    """
    table = {name: [array.dtype.str, array.shape] for name, array in arrays.items()}
    text = json.dumps({"arrays": table, "description": description}).encode()
    parts = [text, *map(as_bytes, arrays.values())]
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    with replacing(path, mode=0o600) as file:
        file.write(_MAGIC + _SIZES.pack(len(text), checksum))
        for part in parts:
            file.write(part)


def as_bytes(array: Array) -> Any:
    """View an array's numbers as bytes; a copy if they do not lie one after the other."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def read(path: Path, most: int) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read a container whose arrays, read-only, have `most` bytes at the most.

    OSError if it is missing or cannot be opened; ReadError if it is not the user's own ordinary
    file, too large, damaged, or no backup.
    """
    data = read_own(path, most + LARGEST_DESCRIPTION)
    start = len(_MAGIC) + _SIZES.size
    if not data.startswith(_MAGIC) or len(data) < start:
        raise ReadError("it is no backup that this version of gpubackprop can read")
    length, checksum = _SIZES.unpack_from(data, len(_MAGIC))
    body = memoryview(data)[start:]
    if zlib.crc32(body) != checksum:
        raise ReadError("it is damaged or cut short")
    try:
        whole = json.loads(bytes(body[:length]))
        return dict(whole["description"]), _arrays(whole["arrays"], body[length:])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ReadError("it is damaged") from None


def _arrays(table: dict[str, Any], payload: memoryview) -> dict[str, Array]:
    """Lay arrays over the bytes; ValueError if they are not exactly as many as the table says."""
    arrays, start = {}, 0
    for name, (kind, shape) in table.items():
        dtype = np.dtype(str(kind))
        if dtype.kind not in "fiu" or not all(type(n) is int and n >= 0 for n in shape):
            raise ValueError(name)
        end = start + dtype.itemsize * prod(shape)
        arrays[name] = np.frombuffer(payload[start:end], dtype).reshape(shape)
        start = end
    if start != len(payload):
        raise ValueError("length")
    return arrays
