"""Memory that a fit takes, against batch x width x depth: ours, scikit-learn's, the plan."""

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sklearn import neural_network

from ... import MLPClassifier
from ...algorithm.memory import HOST
from ...training.memory_plan import plan
from ..contestants import OURS
from ..options import Options
from ..problems import Problem
from ..processes.duel import SKLEARN
from ..processes.own_process import own_process
from ..report.pictures import against, colours
from ..report.section import Figures, Section
from ..resident import peak_mb, start_anew
from ..start import parameters
from .sweeps import cases_of, curves

PLAN, CHECKPOINTS = "plan", 'ours, checkpoint="sqrt"'
MEASURED: dict[str, Callable[..., Any]] = {
    OURS: MLPClassifier,
    CHECKPOINTS: partial(MLPClassifier, checkpoint="sqrt"),
    SKLEARN: neural_network.MLPClassifier,
}
BASE = {"batch": 4096, "width": 512, "depth": 4}
SWEEPS = {"batch": (512, 2048, 4096, 8192), "width": (256, 512, 1024), "depth": (2, 4, 8, 16)}
"""What is varied, the rest as in BASE."""
_MB = 1 << 20
_PAGE = 4096 / _MB


def cases(options: Options) -> Sequence[str]:
    """Each quantity at each of its sizes; in the quick form one of them."""
    return cases_of({"depth": (2,)} if options.quick else SWEEPS)


def measure(case: str, quick: bool) -> Figures:
    """Fit each for an epoch of one batch, and see how far the process grows."""
    problem = shape(case).smallest() if quick else shape(case)
    adam = plan(problem.layer_sizes, problem.rows, problem.batch, "float32", 2, HOST)
    for estimator in MEASURED.values():
        _grown(estimator, problem.smallest())  # loads code
    grown = {name: _grown(estimator, problem) for name, estimator in MEASURED.items()}
    planned = (adam.parameters + adam.workspace + adam.data) / _MB
    return {"case": case, "megabytes": {PLAN: planned, **grown}}


def shape(case: str) -> Problem:
    """The base with one quantity changed, and one batch of it."""
    quantity, size = case.split()
    sizes = {**BASE, quantity: int(size)}
    hidden, batch = (sizes["width"],) * sizes["depth"], sizes["batch"]
    return Problem("memory", batch, 64, 10, hidden, batch)


def _grown(estimator: Callable[..., Any], problem: Problem) -> float:
    """Megabytes that a fit adds at its peak to what is there before."""
    X, y = problem.data("float32")
    model = estimator(max_iter=1, **parameters(problem, "relu"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one epoch does not converge
        before = start_anew()
        model.fit(X, y)
    return max(peak_mb() - before, _PAGE)  # a toy may find room in what is taken already


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
    """Draw a panel for each quantity."""
    lines = curves(rows, lambda figures: figures["megabytes"])
    figure.set_size_inches(9, 4)
    against(figure, lines, "MB", colours((*MEASURED, PLAN), OURS, PLAN), dashed=(PLAN,))


SECTION = Section(
    name="memory",
    title="Memory of a fit against batch, width and depth",
    about=(
        "By how many MB the process grows at its peak in an epoch of one batch: 4096 rows, "
        "4 layers of 512 units, one of them changed at a time, 64 features, float32, Adam. The "
        "plan is what the memory planner says: parameters, activations, data. The estimators' "
        "state comes on top: coefs_, the best weights, the optimizer's moments."
    ),
    header=["changed", "plan, MB", "ours, MB", 'checkpoint="sqrt", MB', "scikit-learn, MB"],
    cases=cases,
    measuring=own_process(__name__),
    cells=cells,
    conclusions=conclusions,
    draw=draw,
)
