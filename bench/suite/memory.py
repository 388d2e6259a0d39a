"""Memory that a fit takes, against batch x width x depth: ours, scikit-learn's, the plan."""

import math
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sklearn import neural_network

from ... import MLPClassifier
from ...memory import HOST
from ...memory_plan import plan
from ..contestants import OURS
from ..duel import SKLEARN
from ..options import Options
from ..own_process import own_process
from ..problems import Problem
from ..report.pictures import colours, legend, log_log, panel
from ..report.section import Figures, Section
from ..resident import peak_mb, start_anew
from ..start import parameters

PLAN, CHECKPOINTS = "plan", 'ours, checkpoint="sqrt"'
MEASURED: dict[str, Callable[..., Any]] = {
    OURS: MLPClassifier,
    CHECKPOINTS: partial(MLPClassifier, checkpoint="sqrt"),
    SKLEARN: neural_network.MLPClassifier,
}
SHAPES = (
    *((batch, 512, 4) for batch in (512, 2048, 8192)),
    *((4096, width, 4) for width in (256, 1024)),
    *((4096, 512, depth) for depth in (2, 8, 16)),
)
"""Batch, width and number of hidden layers."""
_MB = 1 << 20


def cases(options: Options) -> Sequence[str]:
    """Some shapes, from small to large."""
    shapes = ((64, 16, 2),) if options.quick else sorted(SHAPES, key=math.prod)
    return [f"batch {B}, width {d}, depth {L}" for B, d, L in shapes]


def measure(case: str, quick: bool) -> Figures:
    """Fit each for an epoch of one batch, and see how far the process grows."""
    batch, width, depth = shape(case)
    problem = Problem("memory", batch, 64, 10, (width,) * depth, batch)
    adam = plan(problem.layer_sizes, batch, batch, "float32", 2, HOST)
    for estimator in MEASURED.values():
        _grown(estimator, problem.smallest())  # loads code
    grown = {name: _grown(estimator, problem) for name, estimator in MEASURED.items()}
    planned = (adam.parameters + adam.workspace + adam.data) / _MB
    return {"case": case, "megabytes": {PLAN: planned, **grown}}


def shape(case: str) -> tuple[int, ...]:
    """Batch, width, depth."""
    return tuple(int(part.split()[1]) for part in case.split(", "))


def _grown(estimator: Callable[..., Any], problem: Problem) -> float:
    """Megabytes that a fit adds at its peak to what is there before."""
    X, y = problem.data("float32")
    model = estimator(max_iter=1, **parameters(problem, "relu"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one epoch does not converge
        before = start_anew()
        model.fit(X, y)
    return peak_mb() - before


def cells(figures: Figures) -> list[str]:
    return [figures["case"], *(f"{figures['megabytes'][n]:.4g}" for n in (PLAN, *MEASURED))]


def conclusions(rows: list[Figures]) -> list[str]:
    """How well the plan tells what is taken."""
    return [
        f"ours takes {_times(rows, OURS, SKLEARN)} times what scikit-learn takes, with "
        f"checkpoints {_times(rows, CHECKPOINTS, SKLEARN)} times; "
        f"without, {_times(rows, OURS, PLAN)} times what is planned"
    ]


def _times(rows: list[Figures], above: str, below: str) -> str:
    ratios = [figures["megabytes"][above] / figures["megabytes"][below] for figures in rows]
    return f"{min(ratios):.2f} to {max(ratios):.2f}"


def draw(figure: Any, rows: list[Figures]) -> None:
    """Megabytes against the number of activations."""
    lines = {
        name: sorted((math.prod(shape(f["case"])), f["megabytes"][name]) for f in rows)
        for name in (*MEASURED, PLAN)
    }
    figure.set_size_inches(7, 4.5)
    axes = figure.subplots()
    log_log(axes, lines, colours((*MEASURED, PLAN), OURS, PLAN), dashed=(PLAN,))
    panel(axes, "Memory of a fit", "batch x width x depth", "MB")
    legend(figure, axes)


SECTION = Section(
    name="memory",
    title="Memory of a fit against batch x width x depth",
    about=(
        "By how many MB the process grows at its peak in an epoch of one batch, 64 features, "
        "float32, Adam; the plan is what the memory planner says: parameters, activations, data. "
        "The estimators' state comes on top: coefs_, the best weights, the optimizer's moments."
    ),
    header=["shape", "plan, MB", "ours, MB", 'checkpoint="sqrt", MB', "scikit-learn, MB"],
    cases=cases,
    measuring=own_process(__name__),
    cells=cells,
    conclusions=conclusions,
    draw=draw,
)
