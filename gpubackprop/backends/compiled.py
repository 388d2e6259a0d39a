"""The CPU's backend: one step is recorded and replayed in machine code, without Python.

Small networks run as a single call. Where passes over memory are big enough to be divided, the step
becomes a sequence of stages, and the pieces of a stage are shared among threads.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import groupby

from ..kernels import compiled
from ..kernels.compiled import Stage
from ..kernels.native.kernel import Launch
from ..kernels.protocol import Kernels
from ..tape import Tape
from .backend import Backend, Run, Step
from .threads import blas_threads

kernels: Kernels = compiled

PATIENCE = 0.05
"""Seconds that machine code may run before Python looks for an interrupt."""


def prepare(step: Step) -> Run:
    """Record a step and return a function that replays it."""
    tape = Tape(kernels)
    step(tape.recorder)
    stages = [
        stage
        for primitive, arguments in tape.calls
        for stage in compiled.stages(primitive, arguments)
    ]
    if any(len(stage) > 1 for stage in stages) and blas_threads() > 1:
        return _shared(stages, blas_threads())
    return _alone([launch for stage in stages for launch in stage])


def _alone(launches: list[Launch]) -> Run:
    """Replay on the calling thread, as many steps at once as fit into `PATIENCE`."""
    whole = compiled.replay(launches)
    at_once = 1

    def run(repeats: int) -> None:
        nonlocal at_once
        while repeats > 0:
            whole.block[-1] = now = min(repeats, at_once)
            started = time.perf_counter()
            whole.run()
            seconds = max(time.perf_counter() - started, 1e-6)
            at_once = max(1, int(now * min(PATIENCE / seconds, 8)))
            repeats -= now

    return run


def _shared(stages: list[Stage], threads: int) -> Run:
    """Replay with the pieces of divided stages dealt out to threads."""
    pool = ThreadPoolExecutor(threads - 1, thread_name_prefix="gpubackprop")
    sequence = [[compiled.replay(lane) for lane in lanes] for lanes in _lanes(stages, threads)]

    def run(repeats: int) -> None:
        for _ in range(repeats):
            for mine, *others in sequence:
                running = [pool.submit(other.run) for other in others]
                try:
                    mine.run()
                finally:  # an interrupt must not leave a thread writing
                    wait(running)

    return run


def _lanes(stages: list[Stage], threads: int) -> Iterator[list[list[Launch]]]:
    """What runs after each other, and within that what runs side by side."""
    for divided, group in groupby(stages, key=lambda stage: len(stage) > 1):
        if divided:
            for stage in group:
                yield [list(stage[i::threads]) for i in range(min(threads, len(stage)))]
        else:
            yield [[launch for stage in group for launch in stage]]


backend = Backend("compiled", kernels, prepare)
