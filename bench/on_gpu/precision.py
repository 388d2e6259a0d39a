"""The faster precisions: a step's time, and the errors of a gradient and a loss against float64."""

from statistics import median
from typing import Any

import numpy as np

from ...algorithm.memory import matrix
from ...backends import Backend, dtype_of, select
from ..problems import Array, Problem
from ..processes.own_process import own_process
from ..ratios import microseconds
from ..report.section import Figures, Section, always
from .clock import WARM, Clock
from .step import ROUNDS, STEPS, of_batch
from .training import Training

BATCH = 1024
ERRORS = ("error of a product", "error of the first gradient", "error of the loss after an epoch")


def measure(case: str, gpu: Any, quick: bool) -> Figures:
    """Compare an epoch with float64's, then time steps."""
    problem, dtype = of_batch(BATCH, quick), str(dtype_of(case))
    backend, exact = (select("auto", "cuda", precision) for precision in (case, "float64"))
    error = errors(problem, dtype, backend, exact)
    training = Training(problem, dtype, backend, STEPS * (WARM + ROUNDS))
    whole = Clock(gpu).in_turn({"step": lambda: training.run(STEPS)}, ROUNDS)
    seconds = [second / STEPS for second in whole["step"]]
    return {"case": case, "seconds": seconds, "error": error}


def errors(problem: Problem, dtype: str, backend: Backend, exact: Backend) -> dict[str, float]:
    """Relative errors against float64: of a product, the first gradient, an epoch's last loss."""
    found, meant = (
        {"product": _product(problem, *which), **_epoch(problem, *which)}
        for which in ((dtype, backend), ("float64", exact))
    )
    return {name: relative_error(found[name], meant[name]) for name in meant}


def _product(problem: Problem, dtype: str, backend: Backend) -> Array:
    """A^T B of two mini-batches, as a gradient is found, and no activation."""
    memory, X = backend.memory, problem.data(dtype)[0]
    A, B = (memory.rows(X[at : at + problem.batch]) for at in (0, problem.batch))
    out = matrix(problem.features, problem.features, dtype, memory)
    with backend.session():
        backend.kernels.weight_grad(A, B, out)
    return memory.read(out)


def _epoch(problem: Problem, dtype: str, backend: Backend) -> dict[str, Array]:
    """Not its mean loss: where losses are large, scikit-learn clips them by the type."""
    batches = problem.rows // problem.batch
    training = Training(problem, dtype, backend, batches)
    with backend.session():
        training.run(1)
        gradient = training.gradient()
        for _ in range(batches - 1):
            before = training.loss()
            training.run(1)
        last = training.loss() - before
    return {"gradient": gradient, "loss": np.array(last)}


def relative_error(found: Array, exact: Array) -> float:
    """||found - exact|| / ||exact||."""
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))


def cells(figures: Figures) -> list[str]:
    return [
        figures["case"],
        microseconds(figures["seconds"]),
        *(f"{error:.1e}" for error in figures["error"].values()),
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
        f"1024 features, h(2048, 2048), 10 classes, batch {BATCH}: a step's time, and errors "
        "against float64, relative: ||found - exact|| / ||exact||."
    ),
    header=["precision", "step, microseconds", *ERRORS],
    cases=always("float64", "float32", "tf32", "bf16"),
    measuring=own_process(__name__),
    cells=cells,
    conclusions=conclusions,
    needs_gpu=True,
)
