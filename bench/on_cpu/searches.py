"""A grid search beside scikit-learn's: ours in threads by the joblib backend, its in processes."""

import time
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cache
from types import ModuleType
from typing import Any

import joblib
import numpy as np
from sklearn.model_selection import GridSearchCV

from ..contestants import OURS
from ..goals import SEARCHES_AT_LEAST, at_least
from ..options import Options
from ..problems import PROBLEMS, Array
from ..processes.duel import SKLEARN, duel, gain
from ..ratios import milliseconds, number
from ..report.section import Figures, Measure, Section
from ..start import parameters

GRID, FOLDS, EPOCHS = {"alpha": [1e-5, 1e-4, 1e-3, 1e-2]}, 2, 30
MODELS = len(GRID["alpha"]) * FOLDS
JOBS = 2
PAIRS = 3
"""Measurements of each contestant at the most: a search is long enough."""
BACKENDS = {"gpubackprop": "gpubackprop", "sklearn.neural_network": "loky"}
"""joblib's backend by the package of the models; loky is the one that scikit-learn takes itself."""


def cases(options: Options) -> Sequence[str]:
    """All that have a goal; in the quick form the smallest."""
    return ("tiny",) if options.quick else tuple(SEARCHES_AT_LEAST)


def measuring(options: Options) -> AbstractContextManager[Measure]:
    """Warm both up by a first search, which starts loky's processes as well."""
    return duel(__name__)(options._replace(pairs=min(options.pairs, PAIRS)))


def once(package: ModuleType, case: str, quick: bool) -> dict[str, Any]:
    """Time a search, for each of its models; the scores of all candidates are compared."""
    problem = PROBLEMS[case].smallest() if quick else PROBLEMS[case]
    model = package.MLPClassifier(**parameters(problem, "relu"), max_iter=2 if quick else EPOCHS)
    search = GridSearchCV(model, GRID, cv=FOLDS, refit=False)
    X, y = _data(case, quick)
    with warnings.catch_warnings(), _in_jobs(package):
        warnings.simplefilter("ignore")  # short fits do not converge
        started = time.perf_counter()
        search.fit(X, y)
        seconds = (time.perf_counter() - started) / MODELS
    return {"seconds": seconds, "scores": search.cv_results_["mean_test_score"].tolist()}


def _in_jobs(package: ModuleType) -> Any:
    return joblib.parallel_config(BACKENDS[package.__name__], n_jobs=JOBS)


@cache
def _data(case: str, quick: bool) -> tuple[Array, Array]:
    return (PROBLEMS[case].smallest() if quick else PROBLEMS[case]).data("float32")


def cells(figures: Figures) -> list[str]:
    times = (milliseconds(figures["seconds"][who]) for who in (OURS, SKLEARN))
    ratio, goal = gain(figures), SEARCHES_AT_LEAST[figures["case"]]
    apart = number(_apart(figures))
    return [figures["case"], *times, str(ratio), at_least(goal, ratio.median), apart]


def _apart(figures: Figures) -> float:
    """Largest difference between the scores of a candidate."""
    ours, theirs = (np.array(figures["found"][who]["scores"]) for who in (OURS, SKLEARN))
    return float(np.abs(ours - theirs).max())


def conclusions(rows: list[Figures]) -> list[str]:
    """The searches that fall short of their goal."""
    short = [f["case"] for f in rows if gain(f).median < SEARCHES_AT_LEAST[f["case"]]]
    return [f"short of the goal: {', '.join(short)}" if short else "each reaches its goal"]


SECTION = Section(
    name="searches",
    title="A grid search: scikit-learn's time over ours",
    about=(
        f"`GridSearchCV` of {MODELS} models of {EPOCHS} epochs (four values of alpha, two folds, "
        f"float32) in {JOBS} jobs: ours in the joblib backend gpubackprop, scikit-learn's in loky, "
        "whose processes have been started. Scores are accuracies."
    ),
    header=[
        *("problem", "ours, ms a model", "scikit-learn, ms a model", "scikit-learn / ours"),
        *("goal", "scores differ by"),
    ],
    cases=cases,
    measuring=measuring,
    cells=cells,
    conclusions=conclusions,
)
