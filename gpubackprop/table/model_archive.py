"""The container of a model file: what it holds is looked at before anything of it is built.

It is a zip archive of one description, ``schema.json``, and of NumPy's arrays. Whoever made it may
have meant harm: sizes are limited before they are unpacked, and the description may name a fixed
list of types, each in the one way in which skops writes it.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from functools import cache
from math import inf, prod
from typing import Any

import numpy as np

LARGEST_FILE = 4 * 2**30
"""Bytes that a model file may have."""
LARGEST_DESCRIPTION = 64 * 2**20
"""Bytes of its description, unpacked."""
MOST_PARTS = 1_000_000
"""Objects and lists in it."""
DEEPEST = 100
"""Objects and lists inside one another."""
UNPACKED, RATIO = 64 * 2**20, 16
"""Bytes that any file may unpack to, and more of them for each byte that it has."""

_DATA = {
    "DictNode": {"builtins.dict"},
    "ListNode": {"builtins.list"},
    "TupleNode": {"builtins.tuple"},
    "SliceNode": {"builtins.slice"},
    "JsonNode": {"builtins.str"},
    "TypeNode": {"builtins.str", "numpy.float32", "numpy.float64"},
    "DTypeNode": {"numpy.dtype"},
    "NdArrayNode": {
        f"numpy.{name}" for name in ("ndarray", "float64", "float32", "int64", "int32", "bool")
    },
}
"""What a description is made of besides estimators: skops' kinds of entries, and their types."""


class RefusedError(ValueError):
    """What a model file holds and must not; the message says what, without the file's name."""


def unpacked(data: bytes) -> bytes:
    """Check a model file's container and its description, and write it anew without compression.

    What unpacks it finds what was checked. RefusedError if it is damaged, too large when unpacked,
    or holds what no model holds.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            entries = _entries(packed, UNPACKED + RATIO * len(data))
    except (zipfile.BadZipFile, zlib.error, EOFError):
        raise RefusedError(
            "damaged or cut short. Copy it again from its source, or train again."
        ) from None
    try:
        _Description(entries).check()
    except RecursionError:
        raise RefusedError("refused, its description is too deep.") from None
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as plain:
        for name, content in entries.items():
            plain.writestr(name, content)
    return archive.getvalue()


def _entries(packed: zipfile.ZipFile, most: int) -> dict[str, bytes]:
    """Unpack all, never more of an entry than it was said to be."""
    entries = packed.infolist()
    total = sum(entry.file_size for entry in entries)
    if total > most:
        raise RefusedError(
            f"refused, it unpacks to {total:,} bytes, more than the {most:,} of a model this long."
        )
    content: dict[str, bytes] = {}
    for entry in entries:
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise RefusedError(f"refused, {entry.filename!r} is packed in a way that no model is.")
        if entry.filename in content:
            raise RefusedError(f"refused, it holds {entry.filename!r} twice.")
        with packed.open(entry) as file:
            content[entry.filename] = file.read(entry.file_size)
    return content


@cache
def _allowed() -> frozenset[tuple[str, str]]:
    """Kinds of entries with their types: plain data, our two estimators and what prepares rows."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import (
        LabelBinarizer,
        OneHotEncoder,
        StandardScaler,
        TargetEncoder,
    )

    from gpubackprop import MLPClassifier, MLPRegressor

    encoders = (StandardScaler, OneHotEncoder, TargetEncoder)
    prepare = (ColumnTransformer, Pipeline, SimpleImputer, *encoders)
    estimators = (MLPClassifier, MLPRegressor, LabelBinarizer, *prepare)
    names = {f"{kind.__module__}.{kind.__name__}" for kind in estimators}
    kinds = {**_DATA, "ObjectNode": names}
    return frozenset((kind, name) for kind, types in kinds.items() for name in types)


class _Description:
    """The description of an archive, and the arrays that it names."""

    def __init__(self, entries: dict[str, bytes]) -> None:
        self._entries = entries
        self._same: dict[int, list[dict[str, Any]]] = {}
        self._weights: dict[int, float] = {}

    def check(self) -> None:
        """Raise RefusedError for what no model's description holds."""
        text = self._entries.get("schema.json")
        if text is None:
            raise RefusedError("not a model that this gpubackprop can read (no description).")
        parts = text.count(b"{") + text.count(b"[")
        if len(text) > LARGEST_DESCRIPTION or parts > MOST_PARTS:
            raise RefusedError(
                f"refused, its description has {len(text):,} bytes and {parts:,} parts, more than "
                f"the {LARGEST_DESCRIPTION:,} and {MOST_PARTS:,} that are read."
            )
        try:
            root = json.loads(text)
        except ValueError as error:
            raise RefusedError(f"not a model that this gpubackprop can read ({error}).") from None
        if not isinstance(root, dict) or "__loader__" not in root:
            raise RefusedError("not a model that this gpubackprop can read (it describes nothing).")
        self._check_entries(root, 0)
        if self._weight(root) > MOST_PARTS:
            raise RefusedError("refused, its description refers to its own parts without end.")

    def _check_entries(self, part: Any, depth: int) -> None:
        """Check every entry, wherever it stands."""
        if depth > DEEPEST:
            raise RefusedError(f"refused, its description is more than {DEEPEST} levels deep.")
        if isinstance(part, dict):
            if "__loader__" in part or "__id__" in part:
                self._check_entry(part)
            part = list(part.values())
        if isinstance(part, list):
            for inner in part:
                self._check_entries(inner, depth + 1)

    def _check_entry(self, entry: dict[str, Any]) -> None:
        """Refuse another type than a model's."""
        kind, identity = entry.get("__loader__"), entry.get("__id__")
        name = f"{entry.get('__module__')}.{entry.get('__class__')}"
        if not isinstance(kind, str) or (kind, name) not in _allowed():
            raise RefusedError(f"refused, it holds what no gpubackprop model holds ({name}).")
        if identity is not None:
            if type(identity) is not int:
                raise RefusedError("refused, an entry's number in its description is none.")
            self._same.setdefault(identity, []).append(entry)
        if kind == "NdArrayNode" and entry.get("type") == "numpy":
            self._check_array(entry, identity)

    def _weight(self, part: Any) -> float:
        """Count the entries below a part; those of one number are one, found in each place.

        Endless where one is inside itself. What reads the description visits as many.
        """
        if isinstance(part, list):
            return sum(map(self._weight, part))
        if not isinstance(part, dict):
            return 0
        identity = part.get("__id__")
        if identity is None:
            return 1 + sum(map(self._weight, part.values()))
        if identity not in self._weights:
            self._weights[identity] = inf
            inside = (sum(map(self._weight, entry.values())) for entry in self._same[identity])
            self._weights[identity] = 1 + max(inside)
        return self._weights[identity]

    def _check_array(self, entry: dict[str, Any], identity: Any) -> None:
        """Check that an array has the bytes that its head says, and numbers or texts in them."""
        name = entry.get("file")
        content = self._entries.get(name) if isinstance(name, str) else None
        if content is None or name != f"{identity}.npy":
            raise RefusedError("refused, its description names an array that is not there.")
        file = io.BytesIO(content)
        try:
            read_head = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[np.lib.format.read_magic(file)]
            shape, _, dtype = read_head(file)
        except Exception:  # NumPy has it read by Python's own parser, which fails in many ways
            raise RefusedError(f"refused, {name} is not an array.") from None
        numbers = dtype.kind in "fiub" and dtype.itemsize <= 8
        texts = dtype.kind == "U" and (dtype.itemsize > 0 or prod(shape) == 0)
        if not (numbers or texts) or prod(shape) * dtype.itemsize != len(content) - file.tell():
            raise RefusedError(f"refused, {name} is not an array of numbers or texts.")
