"""The CPU's backend: one step is recorded and replayed in machine code, without Python.

A step that is long enough is divided among threads, and the BLAS is held to one thread meanwhile:
each thread multiplies its own rows of the batch, and the passes over memory are divided like the
products. Threads meet at barriers where one needs what another has written. Where other processes
use the cores, one thread runs the parts of all in turn: how a step is divided decides the last bits
of a result, and depends on how many threads may compute, but on nothing that happens meanwhile.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from itertools import groupby
from typing import NamedTuple

import numpy as np

from ..algorithm.memory import HOST, aligned_zeros
from ..kernels.alike import stages as laid_out
from ..kernels.alike import undivided
from ..kernels.calls import Call
from ..kernels.compiled import Stage, kernels
from ..kernels.native import gc_pause
from ..kernels.native.arguments import address
from ..kernels.native.launch import LoopLaunch
from ..kernels.replay import barrier, put_aside, replay
from . import threads
from .backend import INTERRUPT_SECONDS, Backend, Run, Step, Tally
from .recording import Recording
from .thread_team import team

MIN_THREAD_MACS = 1_000_000
"""Multiply-adds of a step for each thread, some 20 microseconds; its barriers cost about two."""
MIN_CALL_MACS = 25_000
"""Multiply-adds of each of its primitives, on average: all threads wait after most of them."""


class Section(NamedTuple):
    """Launches of all threads between two barriers."""

    lanes: list[list[LoopLaunch]]
    """One list for each thread."""
    waits: bool = False
    """Whether a barrier follows."""

    @staticmethod
    def empty(pieces: int) -> "Section":
        """Section in which no thread has a launch yet."""
        return Section([[] for _ in range(pieces)])


def prepare(step: Step, multiply_adds: int) -> Run:
    """Record a step, whose multiply-adds are given, and return a function that replays it."""
    return gc_pause.without(partial(_prepare, step, multiply_adds))


def _prepare(step: Step, multiply_adds: int) -> Run:
    recording = Recording()
    step(recording.kernels)
    pieces = _worth_dividing(multiply_adds, len(recording.calls))
    runs = list(_runs(recording.calls, pieces))
    return runs[0] if len(runs) == 1 else _in_sequence(runs)


def _runs(calls: list[Call], pieces: int) -> Iterator[Run]:
    """Cut a recording at each exchange with other ranks, which Python makes."""
    for exchanged, part in groupby(calls, lambda call: call.primitive == "all_reduce"):
        if exchanged:
            yield from map(_exchanging, part)
        else:
            yield _replayed(list(part), pieces)


def _in_sequence(runs: list[Run]) -> Run:
    """Return a function that runs all of these once for each repeat."""

    def run(repeats: int) -> None:
        for _ in range(repeats):
            for each in runs:
                each(1)

    return run


def _exchanging(call: Call) -> Run:
    """Return a function that makes a call's exchange."""
    exchange = partial(kernels.all_reduce, **call.arguments)
    return lambda repeats: exchange()


def _replayed(calls: list[Call], pieces: int) -> Run:
    """Return a function that replays calls in machine code."""
    if pieces == 1:
        return _Alone(undivided(calls))
    sections = divide(calls, pieces)
    in_turn_by_one = _by_one(in_turn(sections))
    lanes = [replay(lane) for lane in side_by_side(sections)]
    together = _paced(lanes, lambda: team(pieces).run(lanes))
    return _repeated(lambda: in_turn_by_one if team(pieces).starves() else together)


class _Alone:
    """Launches that one thread replays."""

    def __init__(self, launches: list[LoopLaunch]) -> None:
        self.launches = launches
        by_one = _by_one(launches)
        self._run = _repeated(lambda: by_one)

    def __call__(self, repeats: int) -> None:
        self._run(repeats)


def rounds(parts: Sequence[tuple[Run, int]], tally: Tally) -> Run | None:
    """Return a function that replays rounds in one call; None where threads share the work."""
    alone = [(run, times) for run, times in parts if isinstance(run, _Alone)]
    if len(alone) < len(parts):
        return None

    @cache  # made when it is first run: many fits have one epoch
    def whole() -> LoopLaunch:
        own = [replay(run.launches, times) for run, times in alone]
        return replay([*own, put_aside(*tally)])

    def run(repeats: int) -> None:
        whole().block[-1] = repeats
        whole().run()

    return run


def _worth_dividing(multiply_adds: int, calls: int) -> int:
    """How many threads a step keeps busy, by its multiply-adds and its primitives' calls."""
    worth = min(multiply_adds // MIN_THREAD_MACS, multiply_adds // calls // MIN_CALL_MACS)
    return max(1, min(threads.available(), worth))


def _by_one(launches: list[LoopLaunch]) -> Callable[[int], int]:
    whole = replay(launches)
    return _paced([whole], whole.run)


def _repeated(way: Callable[[], Callable[[int], int]]) -> Run:
    """Return a function that repeats a step, and asks every few repeats for the `way` to take."""

    def run(repeats: int) -> None:
        while repeats > 0:
            repeats -= way()(repeats)

    return run


def _paced(launches: list[LoopLaunch], execute: Callable[[], None]) -> Callable[[int], int]:
    """Return a function that takes as many of its steps as Python can wait for, and counts them."""
    at_once = 1

    def run(repeats: int) -> int:
        nonlocal at_once
        now = min(repeats, at_once)
        for launch in launches:
            launch.block[-1] = now
        started = time.perf_counter()
        execute()
        seconds = max(time.perf_counter() - started, 1e-6)
        at_once = max(1, int(now * min(INTERRUPT_SECONDS / seconds, 8)))
        return now

    return run


def divide(calls: list[Call], pieces: int) -> list[Section]:
    """Deal a recorded step out to threads: what each runs before it has to wait for the others."""
    stages, shapes = list[Stage](), dict[int, tuple[int, ...]]()
    for call, own in zip(calls, laid_out(calls, pieces), strict=True):
        # another thread may still read the memory that is laid out anew
        if pieces > 1 and _rows_move(call, shapes):
            stages[-1] = stages[-1]._replace(by_rows=False)
        stages += own
    sections = [Section.empty(pieces)]
    for stage, following in zip(stages, [*stages[1:], stages[0]], strict=True):
        for lane, launch in zip(sections[-1].lanes, stage.launches, strict=False):
            lane.append(launch)
        if pieces > 1 and not _independent(stage, following):
            sections[-1] = sections[-1]._replace(waits=True)
            sections.append(Section.empty(pieces))
    return sections


def side_by_side(sections: list[Section]) -> list[list[LoopLaunch]]:
    """Launches of each thread, with barriers where it waits for the others."""
    pieces = len(sections[0].lanes)
    meet = barrier(aligned_zeros(8, np.int64), pieces)
    lanes: list[list[LoopLaunch]] = [[] for _ in range(pieces)]
    for section in sections:
        for lane, launches in zip(lanes, section.lanes, strict=True):
            lane += [*launches, meet] if section.waits else launches
    return lanes


def in_turn(sections: list[Section]) -> list[LoopLaunch]:
    """Launches of all threads, for one that runs them in turn: the same bits come out."""
    return [launch for section in sections for lane in section.lanes for launch in lane]


def _rows_move(call: Call, shapes: dict[int, tuple[int, ...]]) -> bool:
    """Whether a call lays out memory in other rows than the calls before it, or in more or fewer.

    Matrices that share memory start at one address: the shape that each was last used with is kept.
    """
    arrays = [each for each in call.arguments.values() if isinstance(each, np.ndarray)]
    found = {address(array): array.shape for array in arrays if array.ndim == 2}
    moved = any(shapes.get(start, shape) != shape for start, shape in found.items())
    shapes.update(found)
    return moved


def _independent(stage: Stage, following: Stage) -> bool:
    """Whether each thread may go on to `following` without waiting for the others."""
    pieces = len(stage.launches)
    same = pieces == len(following.launches)
    return same and (pieces == 1 or (stage.by_rows and following.by_rows))


backend = Backend("compiled", kernels, HOST, threads.single_threaded_blas, prepare, rounds)
