"""The CPU's backend: one step is recorded and replayed in machine code, without Python.

A step that is long enough is divided among threads, and the BLAS is held to one thread meanwhile:
each thread multiplies its own rows of the batch, and the passes over memory are divided like the
products. Threads meet at barriers where one needs what another has written.
"""

import time

import numpy as np

from ..algorithm.memory import HOST, aligned_zeros
from ..kernels.calls import Call, parts
from ..kernels.compiled import Primitives, Stage, kernels
from ..kernels.native.arguments import address
from ..kernels.native.launch import LoopLaunch
from ..kernels.replay import barrier, replay
from . import threads
from .backend import Backend, Run, Step
from .recording import Recording
from .thread_team import team

INTERRUPT_EVERY = 0.05
"""Seconds that machine code may run before Python looks for an interrupt."""
WORTH_A_THREAD = 1_000_000
"""Multiply-adds of a step for each thread, some 20 microseconds; its barriers cost about two."""


def prepare(step: Step, multiply_adds: int) -> Run:
    """Record a step of so many multiply-adds and return a function that replays it."""
    recording = Recording()
    step(recording.kernels)
    pieces = max(1, min(threads.available(), multiply_adds // WORTH_A_THREAD))
    lanes = [replay(lane) for lane in divide(recording.calls, pieces)]
    at_once = 1

    def run(repeats: int) -> None:
        nonlocal at_once
        while repeats > 0:
            now = min(repeats, at_once)
            for lane in lanes:
                lane.block[-1] = now
            started = time.perf_counter()
            _run(lanes)
            seconds = max(time.perf_counter() - started, 1e-6)
            at_once = max(1, int(now * min(INTERRUPT_EVERY / seconds, 8)))
            repeats -= now

    return run


def _run(lanes: list[LoopLaunch]) -> None:
    """Run one lane a thread."""
    if len(lanes) == 1:
        lanes[0].run()  # there is nobody to lead
    else:
        team(len(lanes)).run(lanes)


def divide(calls: list[Call], pieces: int) -> list[list[LoopLaunch]]:
    """Deal a recorded step out to threads.

    Parameters
    ----------
    calls : list of Call
        Of a recording.
    pieces : int
        How many threads.

    Returns
    -------
    lanes : list of list of LoopLaunch
        What each thread runs, barriers included.
    """
    primitives, stages = Primitives(pieces), list[Stage]()
    widths: dict[int, int] = {}
    for call in calls:
        if _rows_move(call, widths):  # another thread may still read what lies there
            stages[-1] = stages[-1]._replace(by_rows=False)
        stages += parts(primitives, call)
    lanes: list[list[LoopLaunch]] = [[] for _ in range(pieces)]
    arrivals = aligned_zeros(8, np.int64)
    for stage, following in zip(stages, [*stages[1:], stages[0]], strict=True):
        for lane, launch in zip(lanes, stage.launches, strict=False):
            lane.append(launch)
        if pieces > 1 and not _independent(stage, following):
            for lane in lanes:
                lane.append(barrier(arrivals, pieces))
    return lanes


def _rows_move(call: Call, widths: dict[int, int]) -> bool:
    """Whether a call lays out memory in rows of another width than the calls before it.

    Matrices that share memory start at one address: the width that each was last used with is kept.
    """
    arrays = [each for each in call.arguments.values() if isinstance(each, np.ndarray)]
    matrices = [array for array in arrays if array.ndim == 2]
    found = {address(matrix): matrix.shape[1] for matrix in matrices}
    moved = any(widths.get(start, width) != width for start, width in found.items())
    widths.update(found)
    return moved


def _independent(stage: Stage, following: Stage) -> bool:
    """Whether each thread may go on to `following` without waiting for the others."""
    pieces = len(stage.launches)
    same = pieces == len(following.launches)
    return same and (pieces == 1 or (stage.by_rows and following.by_rows))


backend = Backend("compiled", kernels, HOST, threads.single_threaded_blas, prepare)
