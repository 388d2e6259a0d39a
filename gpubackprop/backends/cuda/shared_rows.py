"""Rows that a fit has on a GPU, for other fits on equal rows that run at the same time.

Those of a search do. Rows are only read in training, and a fit's own do not change while it runs:
on the host they say what lies on the device.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ...algorithm.memory import Array

_PIECE_BYTES = 1 << 20
"""Bytes that are compared at a time: most unequal rows differ in the first."""


class Moved(NamedTuple):
    """Rows of a fit."""

    values: Array
    """On the host."""
    kind: tuple[int, np.dtype[Any]]
    """Device, and the type on it."""
    copy: Array
    """On the device."""


_lock = threading.Lock()
_running: dict[object, list[Moved]] = {}
"""Of each fit that runs, by the memory that is its alone, the rows that it moved or shares."""


@contextmanager
def while_running(memory: object) -> Iterator[None]:
    """Let other fits share what a fit moves through this memory within a `with`."""
    _running.setdefault(memory, [])
    try:
        yield
    finally:
        _running.pop(memory, None)


def find_or_move(
    memory: object, values: Array, kind: tuple[int, np.dtype[Any]], move: Callable[[], Array]
) -> Array:
    """Return another fit's copy of equal rows of the host, or else move the rows.

    `memory` is the fit's, `kind` is device and type there. `move` copies the rows, and returns when
    they are on the device.
    """
    with _lock:  # who waits may find what is being moved
        others = [moved for owner, moved in list(_running.items()) if owner is not memory]
        alike = (each for moved in others for each in moved if each.kind == kind)
        found = next((each.copy for each in alike if _are_equal(each.values, values)), None)
        copy = move() if found is None else found
        if memory in _running:
            _running[memory].append(Moved(values, kind, copy))
    return copy


def _are_equal(one: Array, other: Array) -> bool:
    if one is other:
        return True
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    step = max(1, _PIECE_BYTES // max(1, one[:1].nbytes))
    starts = range(0, len(one), step)
    return all(np.array_equal(one[at : at + step], other[at : at + step]) for at in starts)
