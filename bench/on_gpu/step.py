"""A training step over its matrix products alone: the same cuBLAS calls, captured in a graph."""

from typing import Any

from ...backends import select
from ...backends.cuda.memory import DeviceMemory
from ...kernels.cuda.device import Rounding
from ..contestants.products import products
from ..goals import STEP_AT_MOST, at_most
from ..problems import PROBLEMS, Problem
from ..processes.own_process import own_process
from ..ratios import Ratio, microseconds
from ..report.section import Figures, Section, always
from .clock import WARM, Clock, graph
from .training import Training

BATCHES = ("1024", "4096")
STEPS = 10
"""Steps in one measurement."""
ROUNDS = 15


def measure(case: str, gpu: Any, quick: bool) -> Figures:
    """Time steps and their products in turn."""
    problem = of_batch(int(case), quick)
    training = Training(problem, "float32", select("auto", "cuda"), STEPS * (WARM + ROUNDS))
    with gpu:  # copies are queued on the GPU's stream
        ((batch, _), *_) = products(problem, "float32", DeviceMemory(gpu))
    gemms = graph(gpu, [gpu.product(*operands, Rounding.NONE) for operands in batch] * STEPS)
    works = {"step": lambda: training.run(STEPS), "products": gemms}
    whole = Clock(gpu).in_turn(works, ROUNDS)
    seconds = {name: [second / STEPS for second in times] for name, times in whole.items()}
    ratio = Ratio.of(seconds["step"], seconds["products"])
    return {"case": case, "seconds": seconds, "ratio": ratio}


def of_batch(batch: int, quick: bool) -> Problem:
    """The wide problem in batches of this size, with no tail."""
    problem = PROBLEMS["wide"]
    if quick:
        problem = problem.smallest()
        return problem._replace(rows=2 * problem.batch)
    return problem._replace(batch=batch)


def cells(figures: Figures) -> list[str]:
    ratio, seconds = Ratio(*figures["ratio"]), figures["seconds"]
    return [
        figures["case"],
        *(microseconds(seconds[name]) for name in ("step", "products")),
        f"{ratio}, {at_most(STEP_AT_MOST, ratio.median)}",
    ]


SECTION = Section(
    name="step",
    title="A training step on a GPU over its matrix products alone",
    about="1024 features, h(2048, 2048), 10 classes; the same cuBLAS calls, captured in a graph.",
    header=["batch, float32", "step, microseconds", "products, microseconds", "step / products"],
    cases=always(*BATCHES),
    measuring=own_process(__name__),
    cells=cells,
    needs_gpu=True,
)
