"""Which fit a backup is of: its data, parameters and version, in words that can be compared."""

import zlib
from typing import Any

import numpy as np
import scipy.sparse

from ..._version import __version__
from ...backends.cuda.device_arrays import on_host
from .. import rows
from .container import as_bytes

FREE = {"callbacks", "max_iter", "verbose", "device", "backend", "checkpoint"}
"""Parameters that may change from one run to the next; `max_iter` without a schedule alone."""
_WHOLE_BYTES = 64 << 20
"""Bytes of data that are looked at whole."""
_MOST_ROWS = 1 << 14
"""Rows that are looked at of larger data: a disk gives some 20,000 a second."""

Facts = dict[str, str]
"""Values in words, by what they are of."""


def facts(estimator: Any, X: Any, y: Any, sample_weight: Any) -> Facts:
    """Describe a fit that is about to begin."""
    parameters = estimator.get_params(deep=False)
    free = FREE if parameters.get("schedule") is None else FREE - {"max_iter"}
    return {
        "the version of gpubackprop": __version__,
        "the class": _name(type(estimator)),
        "X": _data(X),
        "y": _data(y),
        "sample_weight": "None" if sample_weight is None else _data(sample_weight),
        **_validation(estimator, X, y),
        "classes_": _words(list(getattr(estimator, "classes_", []))),
        "the number of examples seen before fit": str(estimator.t_),
        **{name: _words(parameters[name]) for name in sorted(parameters.keys() - free)},
    }


def differences(saved: Facts, now: Facts) -> list[str]:
    """Say what differs, a phrase each."""
    return [
        f"{name} was {saved.get(name, 'not set')} and is {now.get(name, 'not set')}"
        for name in {**now, **saved}
        if saved.get(name) != now.get(name)
    ]


def _validation(estimator: Any, X: Any, y: Any) -> Facts:
    """Describe the rows to validate with, if `fit` was given any."""
    if not rows.were_given(estimator):
        return {}
    X_val, _, targets, weight = rows.checked(estimator, X, y)
    weights = "None" if weight is None else _data(weight)
    return {"X_val": _data(X_val), "y_val": _data(targets), "sample_weight_val": weights}


def _data(array: Any) -> str:
    """Shape, type and checksum of data."""
    parts = [array]
    if scipy.sparse.issparse(array):
        parts = [array.data, *(getattr(array, name) for name in ("indices", "indptr"))]
    checksum = 0
    for part in parts:
        step = 1 if part.nbytes <= _WHOLE_BYTES else max(1, len(part) // _MOST_ROWS)
        checksum = zlib.crc32(as_bytes(on_host(part[::step])), checksum)
    return f"of shape {array.shape}, type {array.dtype} and checksum {checksum:08x}"


def _words(value: Any) -> str:
    """Spell a parameter so that it reads the same in another process."""
    if isinstance(value, (list, tuple)):
        inner = ", ".join(map(_words, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_words(k)}: {_words(v)}' for k, v in value.items())}}}"
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        return _data(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)
    return _name(value if hasattr(value, "__qualname__") else type(value))


def _name(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"
