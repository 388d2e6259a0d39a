"""Dropout of a network: a rate for each layer that another one reads, and one stream of masks."""

import copy
from collections.abc import Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from ..kernels.masks import Mask
from .memory import Array, Memory

Rates = float | Sequence[float]
"""Rate of all hidden layers, or one for the inputs and one for each hidden layer."""


class Dropout(NamedTuple):
    """What decides the masks of a network's layers."""

    rates: tuple[float, ...]
    """Of the layers 0 .. L-1, the inputs' first."""
    key: int
    """Seed of the masks, from 0 to 2^63 - 1."""
    seen: Array
    """Examples trained on so far, one int64."""
    place: Array
    """Position in its mini-batch of each row, int64, from `cursor` on."""
    cursor: Array
    """Where in `place` the rows begin, one int64."""

    @classmethod
    def of(
        cls, rates: tuple[float, ...], key: int, seen: int, memory: Memory, rows: int
    ) -> "Dropout | None":
        """Make the dropout of whole mini-batches of at most these rows; None for rates of 0."""
        if not any(rates):
            return None
        numbers = np.array([seen]), np.arange(rows), np.zeros(1)
        return cls(rates, key, *(memory.put(each.astype(np.int64)) for each in numbers))

    def mask(self, layer: int) -> Mask | None:
        """Mask of a layer's outputs; None where none of them is dropped."""
        rate = self.rates[layer] if layer < len(self.rates) else 0.0
        return Mask(rate, self.key, layer, self.seen, self.place, self.cursor) if rate else None


def rates(dropout: Any, hidden: int) -> tuple[float, ...]:
    """Find the rates of the inputs and of each hidden layer.

    A number is the rate of all hidden layers, the inputs keep all; a sequence has the inputs' rate
    first. ValueError if a rate is no number from 0 to below 1, or the layers are not as many.

    Examples
    --------
    >>> from gpubackprop.algorithm.dropout import rates
    >>> rates(0.5, 2), rates((0.2, 0.5, 0.5), 2)
    ((0.0, 0.5, 0.5), (0.2, 0.5, 0.5))
    """
    of_all = _is_rate(dropout)
    several = not (of_all or isinstance(dropout, str)) and isinstance(
        dropout, Sequence | np.ndarray
    )
    found = tuple(dropout) if several else (0.0, *(dropout,) * hidden)
    if not (all(map(_is_rate, found)) if several else of_all):
        raise ValueError(f"dropout must be of numbers from 0 to below 1, got {dropout!r}")
    if len(found) != hidden + 1:
        raise ValueError(
            f"dropout must have {hidden + 1} rates, the inputs' first and then one for each hidden "
            f"layer, got {dropout!r}"
        )
    if not several and dropout and not hidden:
        raise ValueError(
            f"dropout={dropout!r} is the rate of the hidden layers, and the network has none; "
            f"({dropout!r},) drops inputs"
        )
    return tuple(map(float, found))


def _is_rate(rate: Any) -> bool:
    number = isinstance(rate, Real) and not isinstance(rate, bool)
    return number and 0 <= rate < 1


def seed(rng: Any) -> int:
    """Draw the key of the masks from a copy of a generator, whose own draws stay what they were.

    The generator stands as it does when the initial weights have been drawn.
    """
    return int(copy.deepcopy(rng).randint(2**63 - 1, dtype=np.int64))
