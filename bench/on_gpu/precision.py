"""The faster precisions: a step's time, and its gradient's error against float64."""

from statistics import median
from typing import Any

import numpy as np

from ...backends import dtype_of, select
from ..problems import Array, Problem
from ..processes.own_process import own_process
from ..ratios import microseconds
from ..report.section import Figures, Section, always
from .clock import WARM, Clock
from .step import ROUNDS, STEPS, of_batch
from .training import Training

BATCH = 1024


def measure(case: str, gpu: Any, quick: bool) -> Figures:
    """Compare one step with float64's, then time more of them."""
    problem = of_batch(BATCH, quick)
    training = _started(problem, case, STEPS * (WARM + ROUNDS) + 1)
    exact = _started(problem, "float64", 1).gradient()
    error = relative_error(training.gradient(), exact)
    whole = Clock(gpu).in_turn({"step": lambda: training.run(STEPS)}, ROUNDS)
    seconds = [second / STEPS for second in whole["step"]]
    return {"case": case, "seconds": seconds, "error": error}


def relative_error(found: Array, exact: Array) -> float:
    """||found - exact|| / ||exact||."""
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))


def _started(problem: Problem, precision: str, steps: int) -> Training:
    """Take the first step."""
    backend = select("auto", "cuda", precision)
    training = Training(problem, str(dtype_of(precision)), backend, steps)
    with backend.session():
        training.run(1)
    return training


def cells(figures: Figures) -> list[str]:
    return [
        figures["case"],
        microseconds(figures["seconds"]),
        f"{figures['error']:.1e}",
    ]


def conclusions(rows: list[Figures]) -> list[str]:
    """How much faster than float32."""
    times = {figures["case"]: median(figures["seconds"]) for figures in rows}
    fine = times.get("float32")
    return [
        f"float32 / {name}: {fine / seconds:.2f}"
        for name, seconds in times.items()
        if fine and name != "float32"
    ]


SECTION = Section(
    name="precision",
    title="Precisions on a GPU",
    about=(
        f"1024 features, h(2048, 2048), 10 classes, batch {BATCH}: a step's time, and the error of "
        "its gradient against float64."
    ),
    header=["precision", "step, microseconds", "error of the first gradient"],
    cases=always("float64", "float32", "tf32", "bf16"),
    measuring=own_process(__name__),
    cells=cells,
    conclusions=conclusions,
    needs_gpu=True,
)
