"""Real tables that packages ship: scores and seconds beside other models."""

import time
import warnings
from collections.abc import Sequence
from statistics import geometric_mean, mean, median
from typing import Any

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from ...table import describe, features, read_target
from ..contestants import OURS
from ..options import Options
from ..problems import Array
from ..processes.duel import SKLEARN
from ..processes.own_process import own_process
from ..ratios import number
from ..real_tables import KEPT_BACK, LOOKED_AT, SMALLEST, TABLES, RealTable
from ..report.pictures import colours, legend, panel
from ..report.section import Figures, Section
from .table_models import BOOSTING, FIVE, MODELS, REALMLP, Predict, Split, installed

SEEDS = (0, 1, 2)
MOST_ROWS = 4_000
"""Of a longer table each seed draws as many."""
TEST = 0.25
TIED = 0.005
"""Scores that differ by no more count as equal, where no error is asked for."""

TEACHES = 0.01
"""What the best model's score is above a guess's where a table teaches anything."""


def cases(options: Options) -> Sequence[str]:
    """Name all tables; in the quick form the smallest."""
    return tuple(SMALLEST) if options.quick else (*LOOKED_AT, *KEPT_BACK)


def measure(case: str, quick: bool) -> Figures:
    """Train and score every model on the same splits."""
    try:
        splits = [_split(TABLES[case], seed) for seed in SEEDS]
    except FileNotFoundError as missing:
        return {"left_out": str(missing)}
    found: dict[str, list[Figures]] = {}
    for seed, split in zip(SEEDS, splits, strict=True):
        for name, predict in installed().items():
            found.setdefault(name, []).append(_scored(predict, split, seed, quick))
    return {
        "case": case,
        "rows": len(splits[0].train) + len(splits[0].test),
        "score": {name: [one["score"] for one in each] for name, each in found.items()},
        "seconds": {name: [one["seconds"] for one in each] for name, each in found.items()},
        "guess": mean(_guess(split) for split in splits),
        "against": {name: compared(found[OURS], each) for name, each in found.items()},
    }


def _split(listed: RealTable, seed: int) -> Split:
    """Read a table, and hold a quarter of its rows back."""
    table = listed.read()
    table = table[table[listed.target].notna()].reset_index(drop=True)
    if len(table) > MOST_ROWS:
        table = table.sample(MOST_ROWS, random_state=seed).reset_index(drop=True)
    columns = describe(table, listed.target, drop=listed.drop).columns
    target = read_target(table, listed.target, listed.task)
    regression, rows = target.task == "regression", features(table, columns)
    stratify = None if regression else target.values
    train, test, y_train, y_test = train_test_split(
        rows, target.values, test_size=TEST, random_state=seed, stratify=stratify
    )
    return Split(train, test, y_train, y_test, columns, regression)


def _scored(predict: Predict, split: Split, seed: int, quick: bool) -> Figures:
    """Time training and prediction; a row's merit is what it adds to accuracy or R²."""
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")  # that a training did not converge
        started = time.process_time()
        predicted = predict(split, seed, quick)
        seconds = time.process_time() - started
    merits = merits_of(predicted, split.y_test, split.regression)
    return {"seconds": seconds, "score": float(merits.mean()), "merits": merits}


def _guess(split: Split) -> float:
    """Score the guess that looks at no column: the mean, or the commonest class."""
    kind = DummyRegressor if split.regression else DummyClassifier
    dummy = kind().fit(split.train, split.y_train)
    return float(dummy.score(split.test, split.y_test))


def merits_of(predicted: Array, truth: Array, regression: bool) -> Array:
    """Score each row, so that the mean is the accuracy or R²."""
    if not regression:
        return np.asarray(predicted == truth, float)
    merits: Array = 1 - (predicted - truth) ** 2 / np.var(truth)
    return merits


def compared(ours: list[Figures], theirs: list[Figures]) -> dict[str, float]:
    """Difference of the scores, and its standard error over the test rows of one split.

    Splits share rows, so that the mean over splits is not taken to be more certain than each.
    """
    pairs = zip(ours, theirs, strict=True)
    differences = [mine["merits"] - other["merits"] for mine, other in pairs]
    return {
        "difference": float(np.mean([each.mean() for each in differences])),
        "error": float(np.mean([each.std() / np.sqrt(len(each)) for each in differences])),
    }


def cells(figures: Figures) -> list[str]:
    scores = (f"{mean(each):.3f}" if each else "-" for each in _by_model(figures["score"]))
    seconds = (number(median(each)) if each else "-" for each in _by_model(figures["seconds"]))
    return [figures["case"], f"{figures['rows']:,}", *scores, *seconds, _against(figures, BOOSTING)]


def _by_model(found: dict[str, list[float]]) -> list[list[float]]:
    """Order what was found by model; nothing of one that is not installed."""
    return [found.get(name, []) for name in MODELS]


def _against(figures: Figures, other: str) -> str:
    found = figures["against"][other]
    return f"{outcome(found)}, {found['difference']:+.3f} ± {found['error']:.3f}"


def outcome(found: dict[str, float]) -> str:
    """Say who is better by more than two standard errors."""
    if abs(found["difference"]) <= 2 * found["error"]:
        return "even"
    return "won" if found["difference"] > 0 else "lost"


def conclusions(rows: list[Figures]) -> list[str]:
    """Ranks, and what was won, on all tables and on those that no preset was chosen on."""
    kept_back = [figures for figures in rows if figures["case"] in KEPT_BACK]
    said = [_ranks(rows)]
    for name in (BOOSTING, SKLEARN, FIVE, REALMLP):
        if not all(name in figures["against"] for figures in rows):
            said.append(f"{name} is left out: it takes `pip install torch pytabkit`")
            continue
        said.append(f"against {name}, {_counted(rows, name)}")
        if kept_back:
            said.append(f"on the tables kept back, against {name}, {_counted(kept_back, name)}")
    return said + [_above(rows, name) for name in (BOOSTING, REALMLP) if name in ranks_of(rows)]


def _ranks(rows: list[Figures]) -> str:
    ranks, shares = ranks_of(rows), normalised(rows)
    each = ", ".join(f"{n} {mean(ranks[n]):.2f} and {mean(shares[n]):.3f}" for n in ranks)
    return (
        f"over {len(rows)} tables, mean rank and mean normalised score (0: always guessing the "
        f"mean or the commonest class; 1: the best of these models): {each}"
    )


def scores_of(rows: list[Figures]) -> pd.DataFrame:
    """Mean score of each table, a row, and model, a column, that was measured on all."""
    scores = [{name: mean(each) for name, each in figures["score"].items()} for figures in rows]
    return pd.DataFrame(scores).dropna(axis=1)


def ranks_of(rows: list[Figures]) -> dict[str, list[float]]:
    """Rank the models' mean scores on every table, 1 the best; equal ones share the mean rank."""
    ranks = scores_of(rows).rank(axis=1, ascending=False)
    return {str(name): ranks[name].tolist() for name in ranks}


def normalised(rows: list[Figures]) -> dict[str, list[float]]:
    """Scale mean scores from a guess, 0, to the best model, 1, on tables that teach a model."""
    scores, guess = scores_of(rows), np.array([figures["guess"] for figures in rows])
    gain = scores.max(axis=1) - guess
    scale = ((scores.T - guess) / gain).T.clip(lower=0)[gain > TEACHES]
    return {str(name): scale[name].tolist() for name in scale}


def _counted(rows: list[Figures], other: str) -> str:
    outcomes = [outcome(figures["against"][other]) for figures in rows]
    counts = ", ".join(f"{outcomes.count(what)} {what}" for what in ("won", "even", "lost"))
    differences = [figures["against"][other]["difference"] for figures in rows]
    reached = sum(difference >= -TIED for difference in differences)
    times = [median(f["seconds"][other]) / median(f["seconds"][OURS]) for f in rows]
    return (
        f"{counts} (beyond two standard errors); won or tied within {TIED}: {reached} of "
        f"{len(rows)}; mean difference {mean(differences):+.3f}; its time over ours "
        f"{geometric_mean(times):.2f} (geometric mean)"
    )


def _above(rows: list[Figures], other: str) -> str:
    """Say how far our normalised scores lie above another model's, and how long we take."""
    shares, said = normalised(rows), []
    for name in (OURS, FIVE):
        gaps = np.subtract(shares[name], shares[other])
        times = [median(f["seconds"][name]) / median(f["seconds"][other]) for f in rows]
        said.append(
            f"{name} {gaps.mean():+.3f} ± {gaps.std() / np.sqrt(len(gaps)):.3f}, "
            f"in {geometric_mean(times):.2g} times its time"
        )
    return (
        f"mean normalised score above {other}'s (± one standard error over the tables): "
        f"{'; '.join(said)}"
    )


def draw(figure: Any, rows: list[Figures]) -> None:
    """Draw the scores of each table."""
    figure.set_size_inches(7, 1.5 + 0.22 * len(rows))
    axes, places = figure.subplots(), range(len(rows))
    scores, colour = scores_of(rows).clip(lower=0), colours(tuple(MODELS), OURS)
    for name in scores:
        axes.plot(scores[name], places, "o", color=colour[str(name)], label=name, alpha=0.8)
    axes.set(yticks=places, yticklabels=[figures["case"] for figures in rows])
    axes.invert_yaxis()
    panel(axes, "Real tables", "accuracy or R² (0 where it is below)", "")
    legend(figure, axes)


SECTION = Section(
    name="tables",
    title="Real tables: scores beside other models",
    about=(
        f"Tables that packages ship, read as `gpubackprop train` reads them; of more than "
        f"{MOST_ROWS:,} rows each seed draws as many. Accuracy or R² on a quarter that is held "
        f"back, means of {len(SEEDS)} splits; seconds of processor time with one thread, "
        "preprocessing, training and prediction together, medians. Ours has "
        f'`from_preset("tabular")`, {FIVE} is the mean of five such networks; the others are as '
        "they come. ± is one standard error over the test rows."
    ),
    header=[
        *("table", "rows", *MODELS, *(f"{name}, s" for name in MODELS)),
        "ours against gradient boosting",
    ],
    cases=cases,
    measuring=own_process(__name__),
    cells=cells,
    conclusions=conclusions,
    draw=draw,
)
