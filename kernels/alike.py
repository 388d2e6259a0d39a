"""Stages of recorded calls: calls that are alike are laid out once.

Two calls of a primitive are alike if they differ in nothing but where their arrays begin, as those
of equal layers do. The launches of the second are those of the first with other addresses, and
share the memory that only a call itself uses.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from .calls import Call, parts
from .compiled import Primitives, Stage
from .native.arguments import address
from .native.launch import LoopLaunch

FEW_LAYERS = 4
"""Layers up to which laying out each takes less time than comparing them."""


def undivided(calls: list[Call]) -> list[LoopLaunch]:
    """Launches of recorded calls for one thread, in their order; `calls` as for `stages`."""
    laid_out = stages(calls, pieces=1)
    return [launch for own in laid_out for stage in own for launch in stage.launches]


def stages(calls: list[Call], pieces: int) -> list[list[Stage]]:
    """Stages of recorded calls, for each call its own, divided among as many threads as `pieces`.

    Two arrays of one call lie apart or begin at one address, as `Kernels` says.
    """
    primitives, arrays = Primitives(pieces), _Arrays()
    kinds: dict[Any, _Kind] = {}
    order: list[_Kind] = []
    are_few = len({call.layer for call in calls} - {None}) <= FEW_LAYERS
    for call in calls:
        alone = are_few or _stands_alone(call)
        likeness, starts = (id(call), []) if alone else arrays.likeness(call)
        if likeness in kinds:
            kinds[likeness].add(call, starts)
        else:
            kinds[likeness] = _Kind(call, list(parts(primitives, call)), starts)
        order.append(kinds[likeness])
    made = {kind: kind.stages() for kind in kinds.values()}
    return [next(made[kind]) for kind in order]


def _stands_alone(call: Call) -> bool:
    """Whether no other call is like this one: it is the batch's, or has a record of its own."""
    return call.layer is None or any(isinstance(each, tuple) for each in call.arguments.values())


class _Kind:
    """Calls that are alike, and where the arrays of each begin; the first has its own stages."""

    def __init__(self, call: Call, stages: list[Stage], starts: list[int]) -> None:
        self._first_call, self._first, self._first_starts = call, stages, starts
        self._others: list[Call] = []
        self._starts: list[list[int]] = []

    def add(self, call: Call, starts: list[int]) -> None:
        """Take another call, whose arrays begin at `starts`."""
        self._others.append(call)
        self._starts.append(starts)

    def stages(self) -> Iterator[list[Stage]]:
        """Yield the stages of each call."""
        yield self._first
        if not self._others:
            return
        moved = np.array(self._starts) - self._first_starts
        bounds = [byte_bounds(array) for array in _arrays(self._first_call)]
        launches = [launch for stage in self._first for launch in stage.launches]
        for own in zip(*(self._alike(each, moved, bounds) for each in launches), strict=True):
            left = iter(own)
            yield [
                stage._replace(launches=tuple(islice(left, len(stage.launches))))
                for stage in self._first
            ]

    def _alike(
        self, first: LoopLaunch, moved: Any, bounds: list[tuple[int, int]]
    ) -> list[LoopLaunch]:
        """Make a launch of the first call for each of the others.

        Their arrays are `moved` by bytes, each from within its bounds.
        """
        blocks = np.repeat(first.block.reshape(1, -1), len(self._others), axis=0)
        for slot in first.address_slots:
            place = int(first.block[slot])
            within = (i for i, (low, high) in enumerate(bounds) if low <= place < high)
            array = next(within, None)
            if array is not None:  # else memory of its own, such as a row of ones
                blocks[:, slot] += moved[:, array]
        name, entry, slots = first.name, first.entry, first.address_slots
        return [
            LoopLaunch(name, entry, block, slots, (call.arguments, first))
            for block, call in zip(blocks, self._others, strict=True)
        ]


def _arrays(call: Call) -> list[Any]:
    return [each for each in call.arguments.values() if isinstance(each, np.ndarray)]


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
