"""Prediction beside scikit-learn's, from one row to a million."""

import time
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from ..contestants import OURS
from ..goals import PREDICTION_AT_LEAST, at_least
from ..options import Options
from ..problems import PROBLEMS
from ..processes.duel import SKLEARN, duel, gain
from ..ratios import milliseconds
from ..report.section import Figures, Section
from ..start import parameters

ROWS = (1, 1024, 1025, 4000, 20_000, 100_000)
LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "frame": pd.DataFrame,
}
SECONDS = 0.15
"""About the length of one measurement."""


def cases(options: Options) -> Sequence[str]:
    """Two networks, both types; the digits' network in other layouts, and for a million rows."""
    if options.quick:
        return ["digits float32 C 1"]
    dtypes, names = ("float32", "float64"), ("digits", "mid")
    plain = [f"{name} {dtype} C {n}" for name in names for dtype in dtypes for n in ROWS]
    others = [f"digits float32 {layout} {n}" for layout in ("F", "frame") for n in (1025, 20_000)]
    return [*plain, *others, "digits float32 C 1000000"]


def once(package: ModuleType, case: str, quick: bool) -> dict[str, Any]:
    """Time `predict`; the labels are compared."""
    name, dtype, layout, rows = case.split()
    model, X = _fitted(package, name, dtype, quick)
    asked = LAYOUTS[layout](np.resize(X, (int(rows), X.shape[1])))
    calls = max(1, round((0.01 if quick else SECONDS) / _predict(model, asked, 2)))
    labels = "".join(map(str, model.predict(X[:1000])))  # of one digit: short in the report
    return {"seconds": _predict(model, asked, calls), "labels": labels}


@cache
def _fitted(package: ModuleType, name: str, dtype: str, quick: bool) -> tuple[Any, Any]:
    """Train for one epoch, which does not converge."""
    problem = PROBLEMS[name].smallest() if quick else PROBLEMS[name]
    X, y = problem.data(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return package.MLPClassifier(max_iter=1, **parameters(problem, "relu")).fit(X, y), X


def _predict(model: Any, rows: Any, calls: int) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    for _ in range(calls):
        model.predict(rows)
    return (time.perf_counter() - started) / calls


def cells(figures: Figures) -> list[str]:
    ours = milliseconds(figures["seconds"][OURS])
    return [figures["case"], ours, str(gain(figures)), str(_differing(figures))]


def _differing(figures: Figures) -> int:
    """Count the compared labels that are not the same."""
    labels = (figures["found"][name]["labels"] for name in (OURS, SKLEARN))
    return sum(ours != theirs for ours, theirs in zip(*labels, strict=True))


def conclusions(rows: list[Figures]) -> list[str]:
    """The least gain."""
    least = min(gain(figures).median for figures in rows)
    return [f"at the least {least:.2f}, goal {at_least(PREDICTION_AT_LEAST, least)}"]


SECTION = Section(
    name="prediction",
    title="Prediction: scikit-learn's time over ours",
    about=(
        "`predict` of a fitted classifier, from one row to a million, row-major (C), column-major "
        "(F) or a data frame; medians (and ranges)."
    ),
    header=[
        "problem, dtype, layout, rows",
        "ours, ms",
        "scikit-learn / ours",
        "labels that differ",
    ],
    cases=cases,
    measuring=duel(__name__),
    cells=cells,
    conclusions=conclusions,
)
