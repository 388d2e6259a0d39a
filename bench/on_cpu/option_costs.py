"""Epochs with an option over epochs without it."""

import warnings
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ... import MLPClassifier
from ..contestants.estimator import marked
from ..goals import OPTION_AT_MOST, at_most
from ..options import Options
from ..problems import PROBLEMS, Array, Problem
from ..processes.own_process import own_process
from ..ratios import Ratio, milliseconds
from ..report.section import Figures, Section
from ..start import parameters

EPOCHS, TIMES = 4, 7
"""Epochs of a fit that are timed, after a first one, and fits of each kind."""


class Cost(NamedTuple):
    """What is measured, and what it may take beside."""

    asked: dict[str, Any]
    """Parameters of an estimator."""
    beside: dict[str, Any] | None = None
    """Those of the other one; None where it has the usual ones alone."""
    goal: float = OPTION_AT_MOST


TANH = {"activation": "tanh"}
OPTIONS = {
    "dropout": Cost({"dropout": 0.5}),
    "dropout of inputs too": Cost({"dropout": (0.2, 0.5, 0.5)}),
    "label_smoothing": Cost({"label_smoothing": 0.1}),
    "adamw": Cost({"solver": "adamw"}),
    "clip_norm": Cost({"clip_norm": 0.1}),
    "schedule": Cost({"schedule": "cosine", "warmup": 1}),
    "gelu beside tanh": Cost({"activation": "gelu"}, TANH, 1.0),
    "silu beside tanh": Cost({"activation": "silu"}, TANH, 1.0),
}
"""A line for each option."""


def cases(options: Options) -> list[str]:
    """All options; in the quick form one."""
    return ["dropout"] if options.quick else list(OPTIONS)


def measure(case: str, quick: bool) -> Figures:
    """Time epochs with and without an option in turn."""
    cost, problem = OPTIONS[case], PROBLEMS["mid"]
    shape = problem.smallest() if quick else problem
    ways = {"with": cost.asked, "without": cost.beside or {}}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(1 if quick else TIMES):
        for name, asked in ways.items():
            seconds[name].append(_epoch(shape, asked))
    return {"case": case, "seconds": seconds}


def _epoch(problem: Problem, asked: dict[str, Any]) -> float:
    """Median seconds of an epoch."""
    usual = {**parameters(problem, "relu"), "max_iter": 1 + EPOCHS, "device": "cpu"}
    model = marked(MLPClassifier)(**{**usual, **asked})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # short fits do not converge
        model.fit(*_data(problem))
    return float(np.median(np.diff(model.marks)))


@cache
def _data(problem: Problem) -> tuple[Array, Array]:
    return problem.data("float32")


def _ratio(figures: Figures) -> Ratio:
    return Ratio.of(*(figures["seconds"][way] for way in ("with", "without")))


def cells(figures: Figures) -> list[str]:
    times = [milliseconds(figures["seconds"][way]) for way in ("with", "without")]
    ratio, goal = _ratio(figures), OPTIONS[figures["case"]].goal
    return [figures["case"], *times, str(ratio), at_most(goal, ratio.median)]


def conclusions(rows: list[Figures]) -> list[str]:
    """Say what costs most."""
    found = {figures["case"]: _ratio(figures).median for figures in rows}
    worst = max(found, key=found.__getitem__)
    return [f"the dearest is {worst}: {found[worst]:.2f} times as long"]


SECTION = Section(
    name="options",
    title="What options cost",
    about=(
        "An epoch of the problem mid (float32, ReLU, Adam) with an option over one without it, or "
        "over the one that is named. Medians (and ranges) over fits in turn."
    ),
    header=["option", "with it, ms", "without, ms", "ratio", "goal"],
    cases=cases,
    measuring=own_process(__name__),
    cells=cells,
    conclusions=conclusions,
)
