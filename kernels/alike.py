"""Launches of recorded calls, for one thread: calls that are alike are laid out once.

Two calls of a primitive are alike if they differ in nothing but where their arrays begin, as those
of equal layers do. The launches of the second are those of the first with other addresses.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from .calls import Call, parts
from .compiled import Primitives
from .native.arguments import address
from .native.launch import LoopLaunch


def undivided(calls: Iterable[Call]) -> list[LoopLaunch]:
    """Launches of recorded calls, in their order.

    Parameters
    ----------
    calls : iterable of Call
        Two arrays of one call lie apart or begin at one address, as `Kernels` says.

    Returns
    -------
    launches : list of LoopLaunch
    """
    primitives, arrays = Primitives(), _Arrays()
    kinds: dict[Any, _Kind] = {}
    order: list[_Kind] = []
    for call in calls:
        likeness, starts = (id(call), []) if _stands_alone(call) else arrays.likeness(call)
        if likeness in kinds:
            kinds[likeness].add(call, starts)
        else:
            kinds[likeness] = _Kind(_launches(primitives, call), starts)
        order.append(kinds[likeness])
    made = {kind: kind.launches() for kind in kinds.values()}
    return [launch for kind in order for launch in next(made[kind])]


def _stands_alone(call: Call) -> bool:
    """Whether there is no call like this one: it is the batch's, or has a record of its own."""
    return call.layer is None or any(isinstance(each, tuple) for each in call.arguments.values())


def _launches(primitives: Primitives, call: Call) -> list[LoopLaunch]:
    return [launch for stage in parts(primitives, call) for launch in stage.launches]


class _Kind:
    """Calls that are alike.

    Parameters
    ----------
    launches : list of LoopLaunch
        Of the first call.
    starts : list of int
        Where each of its arrays begins.
    """

    def __init__(self, launches: list[LoopLaunch], starts: list[int]) -> None:
        self._first, self._first_starts = launches, starts
        self._others: list[Call] = []
        self._starts: list[list[int]] = []

    def add(self, call: Call, starts: list[int]) -> None:
        """Take another call, whose arrays begin at `starts`."""
        self._others.append(call)
        self._starts.append(starts)

    def launches(self) -> Iterator[Iterable[LoopLaunch]]:
        """Yield the launches of each call."""
        yield self._first
        yield from zip(*map(self._alike, self._first), strict=True)

    def _alike(self, first: LoopLaunch) -> list[LoopLaunch]:
        """Make a launch of the first call for each of the others."""
        blocks = np.repeat(first.block.reshape(1, -1), len(self._others), axis=0)
        starts = np.array(self._starts, dtype=np.int64)
        for slot in first.address_slots:
            start = int(first.block[slot])
            if start in self._first_starts:  # else a constant, such as a row of ones
                blocks[:, slot] = starts[:, self._first_starts.index(start)]
        name, entry, slots = first.name, first.entry, first.address_slots
        return [
            LoopLaunch(name, entry, block, slots, (call.arguments, first))
            for block, call in zip(blocks, self._others, strict=True)
        ]


class _Arrays:
    """Facts about the arrays of recorded calls, looked up once: most belong to several calls."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[int, int]] = {}
        self._layouts: dict[Any, int] = {}

    def likeness(self, call: Call) -> tuple[Any, list[int]]:
        """All of a call but where its arrays begin, and that."""
        rest: list[Any] = [call.primitive]
        starts: list[int] = []
        for argument in call.arguments.values():
            if isinstance(argument, np.ndarray):
                start, layout = self._found.get(id(argument)) or self._find(argument)
                starts.append(start)
                rest.append(layout)
            else:
                rest.append(argument)
        return (*rest, *map(starts.index, starts)), starts  # which of them are one array

    def _find(self, array: Any) -> tuple[int, int]:
        layout = array.shape, array.strides, array.dtype
        number = self._layouts.setdefault(layout, len(self._layouts))
        self._found[id(array)] = found = address(array), number
        return found
