"""From a raw data set to predictions: preprocessing, fit until it stops, prediction."""

import time
import warnings
from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Any

from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ..contestants import OURS
from ..options import Options
from ..processes.duel import SKLEARN, duel, gain
from ..ratios import ranged
from ..report.pictures import GREEN, bars, panel
from ..report.section import Figures, Section

REGRESSION = ("diabetes",)
DATASETS = ("digits", "breast_cancer", "wine", "iris", *REGRESSION)
"""Real data that scikit-learn ships."""
HIDDEN = (100,)
SAME_SCORE = 0.01
"""Scores that differ by less count as equal: rounding may fork two trainings' paths."""


def cases(options: Options) -> Sequence[str]:
    """Name all data sets; in the quick form the smallest."""
    return ("iris",) if options.quick else DATASETS


def once(package: ModuleType, case: str, quick: bool) -> dict[str, Any]:
    """Time preprocessing, fit and prediction; the score is of rows that were held back."""
    train, test, y_train, y_test = _data(case)
    kind = package.MLPRegressor if case in REGRESSION else package.MLPClassifier
    network = kind(hidden_layer_sizes=HIDDEN, max_iter=5 if quick else 2000, random_state=0)
    model = make_pipeline(StandardScaler(), network)
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(train, y_train)
    model.predict(test)
    seconds = time.perf_counter() - started
    score = float(model.score(test, y_test))
    return {"seconds": seconds, "score": score, "epochs": network.n_iter_}


@cache
def _data(name: str) -> Any:
    """A quarter is held back."""
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return train_test_split(X, y, random_state=0)


def cells(figures: Figures) -> list[str]:
    ours, theirs = (figures["found"][name] for name in (OURS, SKLEARN))
    seconds = (ranged(figures["seconds"][name]) for name in (SKLEARN, OURS))
    scores = (f"{found['score']:.3f} in {found['epochs']}" for found in (theirs, ours))
    return [figures["case"], *seconds, str(gain(figures)), *scores]


def conclusions(rows: list[Figures]) -> list[str]:
    """Whether both have learnt equally well."""
    differing = [
        f"{figures['case']}: THE SCORES DIFFER by {difference:.3f}"
        for figures in rows
        if (difference := score_difference(figures)) > SAME_SCORE
    ]
    gains = [gain(figures).median for figures in rows]
    whole = f"scikit-learn takes {min(gains):.2f} to {max(gains):.2f} times as long as ours"
    return differing or [f"{whole}, for test scores that agree to within {SAME_SCORE}"]


def score_difference(figures: Figures) -> float:
    """Difference between our score and scikit-learn's, on rows that were held back."""
    ours, theirs = (figures["found"][name]["score"] for name in (OURS, SKLEARN))
    return float(abs(ours - theirs))


def draw(figure: Any, rows: list[Figures]) -> None:
    """Draw how many times as long scikit-learn takes."""
    figure.set_size_inches(7, 1.2 + 0.35 * len(rows))
    axes, gains = figure.subplots(), [gain(figures).median for figures in rows]
    bars(axes, [f["case"] for f in rows], {SKLEARN: gains}, {SKLEARN: GREEN})
    panel(axes, "Raw data to predictions: scikit-learn's time over ours", "times", "")


SECTION = Section(
    name="end_to_end",
    title="From raw data to predictions of equal score: scikit-learn's time over ours",
    about=(
        f"StandardScaler and an MLP of {HIDDEN} units as they come (float64), trained until they "
        "stop, then prediction. The first run, which loads compiled code, is not counted. "
        "Scores are accuracy, or R² for diabetes, on a quarter that was held back."
    ),
    header=[
        *("data set", "scikit-learn, s", "ours, s", "scikit-learn / ours"),
        *("scikit-learn: score in epochs", "ours: score in epochs"),
    ],
    cases=cases,
    measuring=duel(__name__),
    cells=cells,
    conclusions=conclusions,
    draw=draw,
)
