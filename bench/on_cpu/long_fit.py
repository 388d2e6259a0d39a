"""A long fit beside scikit-learn's: milliseconds an epoch over its course."""

import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale

from ..contestants import OURS
from ..contestants.estimator import marked
from ..goals import LONG_FIT_AT_MOST, at_most
from ..options import Options
from ..problems import PROBLEMS, Problem
from ..processes.duel import SKLEARN, duel
from ..ratios import number
from ..report.pictures import colours, panel
from ..report.section import Figures, Measure, Section
from ..start import parameters

PARTS = 10
"""Of the course of a fit."""
ROWS = Problem("100,000 rows", 100_000, 20, 5, (100,), 200)
CANCER = Problem("breast_cancer", 569, 30, 2, (100, 100), 200)


class Fit(NamedTuple):
    """Training that goes on when the model is confident: its deltas become denormal."""

    problem: Problem
    epochs: int
    alpha: float = 1e-4
    load: Callable[[], Any] | None = None
    """Loads data in the place of the problem's own."""

    def data(self) -> tuple[Any, Any]:
        """Scaled features of float32, and labels."""
        if self.load is None:
            return self.problem.data("float32")
        X, y = self.load()
        return scale(X).astype(np.float32), y


FITS = {
    "tiny": Fit(PROBLEMS["tiny"], 1000),
    "tiny, no penalty": Fit(PROBLEMS["tiny"], 1000, alpha=0.0),
    "breast_cancer": Fit(CANCER, 600, load=lambda: load_breast_cancer(return_X_y=True)),
    "100,000 rows": Fit(ROWS, 20),
}


def cases(options: Options) -> Sequence[str]:
    """All of them; in the quick form the smallest."""
    return ("tiny",) if options.quick else tuple(FITS)


def measuring(options: Options) -> AbstractContextManager[Measure]:
    """Fit once more after a warm-up: each epoch's time is a median already."""
    return duel(__name__)(options._replace(pairs=1))


def once(package: ModuleType, case: str, quick: bool) -> dict[str, Any]:
    """Fit, and tell the median time of an epoch in each tenth of the fit."""
    fit = FITS[case]
    epochs = 2 * PARTS if quick else fit.epochs
    asked = {**parameters(fit.problem, "relu"), "alpha": fit.alpha, "max_iter": epochs + 1}
    model = marked(package.MLPClassifier)(**asked)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(*fit.data())
    course = [float(np.median(part)) for part in np.array_split(np.diff(model.marks), PARTS)]
    return {"seconds": model.marks[-1] - model.marks[0], "course": course, "loss": model.loss_}


def growth(figures: Figures, who: str) -> float:
    """Time of an epoch in the last tenth over that in the first."""
    course = figures["found"][who]["course"]
    return float(course[-1] / course[0])


def cells(figures: Figures) -> list[str]:
    found = figures["found"]
    courses = (", ".join(number(1e3 * s) for s in found[w]["course"][::3]) for w in (OURS, SKLEARN))
    growths = (f"{growth(figures, who):.2f}" for who in (OURS, SKLEARN))
    whole = figures["seconds"][SKLEARN][0] / figures["seconds"][OURS][0]
    return [figures["case"], *courses, *growths, f"{whole:.2f}"]


def conclusions(rows: list[Figures]) -> list[str]:
    """The fit that slows down most."""
    worst = max(rows, key=lambda figures: growth(figures, OURS))
    value = growth(worst, OURS)
    return [
        f"last tenth over the first, ours: at the most {value:.2f} ({worst['case']}), "
        f"goal {at_most(LONG_FIT_AT_MOST, value)}"
    ]


def draw(figure: Any, rows: list[Figures]) -> None:
    """Each fit's epochs, over its course."""
    figure.set_size_inches(7, 2.6 * len(rows))
    tenths, colour = np.arange(1, PARTS + 1), colours((SKLEARN, OURS), OURS)
    for axes, figures in zip(np.ravel(figure.subplots(len(rows))), rows, strict=True):
        for who in (SKLEARN, OURS):
            course = 1e3 * np.array(figures["found"][who]["course"])
            axes.plot(tenths, course, color=colour[who], label=who, marker="o")
        axes.set_yscale("log")
        panel(axes, figures["case"], "tenth of the fit", "ms an epoch").legend()


SECTION = Section(
    name="long_fit",
    title="A long fit: milliseconds an epoch over its course",
    about=(
        "float32, from the first epoch until the model is confident. Medians of an epoch in the "
        "first, fourth, seventh and tenth tenth of the fit; the first epoch is not counted."
    ),
    header=[
        *(
            "fit",
            "ours, ms",
            "scikit-learn, ms",
            "ours: last / first",
            "scikit-learn: last / first",
        ),
        "whole fit: scikit-learn / ours",
    ],
    cases=cases,
    measuring=measuring,
    cells=cells,
    conclusions=conclusions,
    draw=draw,
)
