"""Time that the host takes to queue a mini-batch, many of them, none waited for."""

import time
from statistics import median
from typing import Any

from ...backends import select
from ..goals import HOST_MICROSECONDS_AT_MOST, at_most
from ..problems import PROBLEMS
from ..processes.own_process import own_process
from ..report.section import Figures, Section, always
from .training import Training

WARM_STEPS = 10
STEPS = 100
"""Steps in one measurement: few enough that the stream's queue does not make the host wait."""
ROUNDS = 15


def measure(case: str, gpu: Any, quick: bool) -> Figures:
    """Time the queueing of steps, then their end."""
    problem = PROBLEMS[case].smallest() if quick else PROBLEMS[case]
    backend = select("auto", "cuda")
    training = Training(problem, "float32", backend, WARM_STEPS + ROUNDS * STEPS)
    queued, done = [], []
    with backend.session():
        training.run(WARM_STEPS)
        for _ in range(ROUNDS):
            gpu.stream.synchronize()
            started = time.perf_counter()
            training.run(STEPS)
            queued.append((time.perf_counter() - started) / STEPS)
            gpu.stream.synchronize()
            done.append((time.perf_counter() - started) / STEPS)
    return {"case": case, "queued": queued, "done": done}


def cells(figures: Figures) -> list[str]:
    queued, done = (1e6 * median(figures[name]) for name in ("queued", "done"))
    spread = f"({1e6 * min(figures['queued']):.3g} to {1e6 * max(figures['queued']):.3g})"
    goal = at_most(HOST_MICROSECONDS_AT_MOST, queued)
    return [figures["case"], f"{queued:.3g} {spread}, {goal}", f"{done:.4g}"]


SECTION = Section(
    name="host",
    title="What a mini-batch on a GPU costs the host in steady state",
    about="The time to queue many, none waited for, then until the last has run.",
    header=["problem, float32", "microseconds to queue one", "until all have run, each"],
    cases=always("tiny", "mid"),
    measuring=own_process(__name__),
    cells=cells,
    needs_gpu=True,
)
