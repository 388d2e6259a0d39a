"""The CPU's backend: one step is recorded and replayed in machine code, without Python."""

import time

import numpy as np

from ..kernels import compiled
from ..kernels.native.layout import address
from ..kernels.protocol import Kernels
from ..tape import Tape
from .backend import Backend, Run, Step

kernels: Kernels = compiled

PATIENCE = 0.05
"""Seconds that machine code may run before Python looks for an interrupt."""


def prepare(step: Step) -> Run:
    """Record a step and return a function that replays it."""
    tape = Tape(kernels)
    step(tape.recorder)
    launches = [
        launch
        for primitive, arguments in tape.calls
        for launch in compiled.launches(primitive, arguments)
    ]
    calls = np.array([(launch.entry, address(launch.block)) for launch in launches]).ravel()
    at_once = 1

    def run(repeats: int) -> None:
        nonlocal at_once
        while repeats > 0:
            now = min(repeats, at_once)
            started = time.perf_counter()
            compiled.replay(calls, now).run()
            seconds = max(time.perf_counter() - started, 1e-6)
            at_once = max(1, int(now * min(PATIENCE / seconds, 8)))
            repeats -= now

    run.keep = launches  # type: ignore[attr-defined]
    return run


backend = Backend("compiled", kernels, prepare)
