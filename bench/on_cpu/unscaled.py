"""Epochs on features that nobody scaled: saturated activations must not cost time."""

import warnings
from collections.abc import Sequence
from functools import cache
from statistics import median
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import load_digits

from ..contestants import OURS
from ..contestants.estimator import marked
from ..goals import UNSCALED_AT_MOST, at_most
from ..options import Options
from ..problems import PROBLEMS, Problem
from ..processes.duel import SKLEARN, duel, gain
from ..ratios import milliseconds, ranged
from ..report.section import Figures, Section
from ..start import parameters

FIRST, EPOCHS = 3, 10
"""Epochs before the timed ones, and timed epochs."""
TIMES = 3
"""Fits of each kind in one measurement."""


class Kind(NamedTuple):
    """What is trained, and what its scaled features are multiplied with."""

    factor: float
    labels: str = "classes"
    activation: str = "relu"
    digits: bool = False
    one_column: bool = False


KINDS = {
    "classes": Kind(1e4),
    "binary": Kind(1e4, labels="binary"),
    "multilabel": Kind(1e4, labels="multilabel"),
    "logistic": Kind(1e3, activation="logistic"),
    "tanh": Kind(1e3, activation="tanh"),
    "digits": Kind(16 * 255, digits=True),
    "one_column": Kind(1e6, one_column=True),
}


def cases(options: Options) -> Sequence[str]:
    """Each kind in both types."""
    if options.quick:
        return ["classes float32"]
    return [f"{kind} {dtype}" for kind in KINDS for dtype in ("float32", "float64")]


def once(package: ModuleType, case: str, quick: bool) -> dict[str, Any]:
    """Time epochs on scaled and on unscaled features in turn."""
    name, dtype = case.split()
    scaled, unscaled, y = _data(name, dtype, quick)
    problem = PROBLEMS["tiny"]._replace(hidden=(100,), batch=200)
    pairs = [
        [_epoch(package, problem, KINDS[name].activation, X, y) for X in (scaled, unscaled)]
        for _ in range(1 if quick else TIMES)
    ]
    slower = [above / below for below, above in pairs]
    return {"seconds": median(above for _, above in pairs), "slower": slower}


def _epoch(package: ModuleType, problem: Problem, activation: str, X: Any, y: Any) -> float:
    """Median seconds of an epoch."""
    asked = {**parameters(problem, activation), "max_iter": FIRST + EPOCHS}
    model = marked(package.MLPClassifier)(**asked)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    return float(np.median(np.diff(model.marks[FIRST - 1 :])))


@cache
def _data(name: str, dtype: str, quick: bool) -> tuple[Any, Any, Any]:
    """Scaled features, unscaled ones, and labels."""
    kind, problem = KINDS[name], PROBLEMS["tiny"]
    if kind.digits:
        X, y = load_digits(return_X_y=True)
        X = X / 16
    else:
        X, y = (problem.smallest() if quick else problem).data("float64")
    if kind.labels == "binary":
        y = X[:, 0] > 0
    elif kind.labels == "multilabel":
        y = (X[:, :3] > 0).astype(int)
    unscaled = X.copy()
    columns = slice(1) if kind.one_column else slice(None)
    unscaled[:, columns] *= kind.factor
    return X.astype(dtype), unscaled.astype(dtype), y


def cells(figures: Figures) -> list[str]:
    slower = (ranged(figures["found"][w]["slower"], "{:.2f}".format) for w in (OURS, SKLEARN))
    ours = milliseconds(figures["seconds"][OURS])
    return [figures["case"], ours, *slower, str(gain(figures))]


def conclusions(rows: list[Figures]) -> list[str]:
    """The kind that suffers most."""
    slower = {f["case"]: median(f["found"][OURS]["slower"]) for f in rows}
    worst = max(slower, key=slower.__getitem__)
    value = slower[worst]
    return [
        f"unscaled over scaled, ours: at the most {value:.2f} ({worst}), "
        f"goal {at_most(UNSCALED_AT_MOST, value)}"
    ]


SECTION = Section(
    name="unscaled",
    title="Epochs on unscaled features",
    about=(
        "Features times 10,000 (1,000 for logistic and tanh, 4,080 for the digits, a million for "
        "one column) saturate activations. Medians (and ranges) over fits in turn."
    ),
    header=[
        *("kind, dtype", "ours, ms", "ours: unscaled / scaled", "scikit-learn: unscaled / scaled"),
        "scikit-learn / ours, unscaled",
    ],
    cases=cases,
    measuring=duel(__name__),
    cells=cells,
    conclusions=conclusions,
)
