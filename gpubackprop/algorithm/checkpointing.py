"""Activation checkpointing: which matrices share memory, and which layers are run again for it."""

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any, Literal, NamedTuple

Checkpoint = int | Literal["sqrt"] | None
"""Keep the activations of every k-th layer; "sqrt" for k = round(sqrt(L)); None for all."""


class Layout(NamedTuple):
    """Places of a workspace's matrices: matrices of equal places share memory."""

    A: tuple[int, ...]
    """Of the activations of the layers 0 .. L."""
    delta: tuple[int, ...]
    """Of the errors of the layers 1 .. L."""
    again: tuple[tuple[int, ...], ...]
    """Layers to run again before the error is pulled back through each layer."""


def layout(layers: int, checkpoint: Checkpoint) -> Layout:
    """Lay out the memory of L layers with weights; None gives every matrix a place of its own.

    Notes
    -----
    A_0, A_k, A_2k, .. and A_L stay. Those between two of these share k - 1 places with all others
    between: what is overwritten is computed again, from what stays before it, when the error
    arrives at what stays after it. An error is needed for the next one only: two places take turns.
    Of equal widths there are ceil(L/k) + k + 2 matrices instead of 2 L + 1; k = sqrt(L) makes that
    least, and costs less than one more forward pass.

    Source: T. Chen, B. Xu, C. Zhang, C. Guestrin, "Training deep nets with sublinear memory cost",
    2016, section 4 (arXiv:1604.06174).

    Examples
    --------
    >>> from gpubackprop.algorithm.checkpointing import layout
    >>> places = layout(6, 2)
    >>> places.A, places.delta
    ((0, 1, 2, 1, 4, 1, 6), (0, 1, 0, 1, 0, 1))
    >>> places.again
    ((), (), (0,), (), (2,), ())
    """
    k = interval(layers, checkpoint)
    if k is None:
        return Layout(tuple(range(layers + 1)), tuple(range(layers)), ((),) * layers)
    A = tuple(l if l % k == 0 or l == layers else l % k for l in range(layers + 1))
    lost = [l for l, kept in enumerate(survives(A)) if not kept]
    again = tuple(
        tuple(a - 1 for a in lost if l - k < a < l) if l % k == 0 else () for l in range(layers)
    )
    return Layout(A, tuple(l % 2 for l in range(layers)), again)


def interval(layers: int, checkpoint: Checkpoint) -> int | None:
    """Layers from one whose activations are kept to the next; None where all are."""
    if checkpoint is None:
        return None
    return round(math.sqrt(layers)) if checkpoint == "sqrt" else int(checkpoint)


def require(checkpoint: Any) -> None:
    """Raise ValueError if this is not "sqrt", a whole number from 1 or None."""
    counts = isinstance(checkpoint, Integral) and not isinstance(checkpoint, bool)
    named = checkpoint is None or (isinstance(checkpoint, str) and checkpoint == "sqrt")
    if not named and not (counts and checkpoint >= 1):
        raise ValueError(
            f"checkpoint must be 'sqrt', a whole number from 1, or None, got {checkpoint!r}"
        )


def longest(places: Sequence[int], lengths: Sequence[int]) -> dict[int, int]:
    """Length of each place: that of the longest array placed in it."""
    found: dict[int, int] = {}
    for place, length in zip(places, lengths, strict=True):
        found[place] = max(length, found.get(place, 0))
    return found


def survives(places: Sequence[int]) -> tuple[bool, ...]:
    """Whether each matrix still holds its values once all have been written, in this order."""
    last = {place: index for index, place in enumerate(places)}
    return tuple(last[place] == index for index, place in enumerate(places))
