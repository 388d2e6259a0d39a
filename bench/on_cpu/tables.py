"""Real tables that packages ship: scores and seconds beside other models."""

import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from statistics import mean, median
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import sklearn.neural_network
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

from ... import MLPClassifier, MLPRegressor
from ...table import Column, describe, features, fit_preprocessor, preprocessor, read_target
from ..contestants import OURS
from ..options import Options
from ..problems import Array
from ..processes.duel import SKLEARN
from ..processes.own_process import own_process
from ..ratios import number
from ..real_tables import KEPT_BACK, LOOKED_AT, SMALLEST, TABLES, RealTable
from ..report.pictures import COLOURS, GREEN, legend, panel
from ..report.section import Figures, Section

BOOSTING = "hist_gradient_boosting"
SEEDS = (0, 1, 2)
MOST_ROWS = 10_000
"""Of a longer table each seed draws as many."""
TEST = 0.25
CATEGORIES = 250
"""Gradient boosting takes 255 at most; of more the rarest share one."""
COLOUR = {OURS: GREEN, BOOSTING: COLOURS[0], SKLEARN: COLOURS[1]}


class Split(NamedTuple):
    """A table's rows, held back or not."""

    train: pd.DataFrame
    test: pd.DataFrame
    y_train: Array
    y_test: Array
    columns: tuple[Column, ...]
    regression: bool

    def inputs(self) -> tuple[Array, Array]:
        """Make a network's inputs, as the command line does; only training rows are fitted to."""
        prepare = preprocessor(self.columns, "regression" if self.regression else "classification")
        train = fit_preprocessor(prepare, self.train, self.y_train)
        return train, np.asarray(prepare.transform(self.test))


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
        for name, predict in MODELS.items():
            found.setdefault(name, []).append(_scored(predict, split, seed, quick))
    return {
        "case": case,
        "rows": len(splits[0].train) + len(splits[0].test),
        "score": {name: [one["score"] for one in each] for name, each in found.items()},
        "seconds": {name: [one["seconds"] for one in each] for name, each in found.items()},
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


Predict = Callable[[Split, int, bool], Array]
"""Trains on a split's training rows with a seed, or briefly, and predicts the others."""


def _scored(predict: Predict, split: Split, seed: int, quick: bool) -> Figures:
    """Time training and prediction; a row's merit is what it adds to accuracy or R²."""
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a training did not converge
        predicted = predict(split, seed, quick)
    seconds = time.perf_counter() - started
    merits = merits_of(predicted, split.y_test, split.regression)
    return {"seconds": seconds, "score": float(merits.mean()), "merits": merits}


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


def _network(classifier: Any, regressor: Any, **parameters: Any) -> Predict:
    """Train a network on the command line's inputs; a quantity is standardised."""

    def predict(split: Split, seed: int, quick: bool) -> Array:
        kind = regressor if split.regression else classifier
        model = kind(random_state=seed, **{**parameters, **({"max_iter": 5} if quick else {})})
        train, test = split.inputs()
        if not split.regression:
            return np.asarray(model.fit(train, split.y_train).predict(test))
        scaler = StandardScaler().fit(split.y_train[:, None])
        model.fit(train, scaler.transform(split.y_train[:, None]).ravel())
        return np.asarray(scaler.inverse_transform(model.predict(test)[:, None]).ravel())

    return predict


def _boosting(split: Split, seed: int, quick: bool) -> Array:
    """Train gradient boosting on numbers as they are and on categories as such."""
    texts = [column.name for column in split.columns if column.is_text]
    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=CATEGORIES
    )
    prepare = ColumnTransformer([("texts", encoder, texts)], remainder="passthrough")
    kind = HistGradientBoostingRegressor if split.regression else HistGradientBoostingClassifier
    model = kind(
        max_iter=5 if quick else 100,
        random_state=seed,
        categorical_features=list(range(len(texts))),
    )
    model.fit(prepare.fit_transform(split.train), split.y_train)
    return np.asarray(model.predict(prepare.transform(split.test)))


KINDS = (MLPClassifier, MLPRegressor)
MODELS: dict[str, Predict] = {
    OURS: _network(*(partial(kind.from_preset, "tabular", device="cpu") for kind in KINDS)),
    BOOSTING: _boosting,
    SKLEARN: _network(sklearn.neural_network.MLPClassifier, sklearn.neural_network.MLPRegressor),
}
"""All models, by name."""


def cells(figures: Figures) -> list[str]:
    scores = (f"{mean(figures['score'][name]):.3f}" for name in MODELS)
    seconds = (number(median(figures["seconds"][name])) for name in MODELS)
    return [figures["case"], f"{figures['rows']:,}", *scores, *seconds, _against(figures, BOOSTING)]


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
    for name in (BOOSTING, SKLEARN):
        said.append(f"against {name}, {_counted(rows, name)}")
        if kept_back:
            said.append(f"on the tables kept back, against {name}, {_counted(kept_back, name)}")
    return said


def _ranks(rows: list[Figures]) -> str:
    ranks = ", ".join(f"{name} {mean(rank):.2f}" for name, rank in ranks_of(rows).items())
    return f"mean rank over {len(rows)} tables: {ranks}"


def ranks_of(rows: list[Figures]) -> dict[str, list[float]]:
    """Rank the models' mean scores on every table, 1 the best; equal ones share the mean rank."""
    scores = pd.DataFrame([{n: mean(figures["score"][n]) for n in MODELS} for figures in rows])
    ranks = scores.rank(axis=1, ascending=False)
    return {name: ranks[name].tolist() for name in MODELS}


def _counted(rows: list[Figures], other: str) -> str:
    outcomes = [outcome(figures["against"][other]) for figures in rows]
    counts = ", ".join(f"{outcomes.count(what)} {what}" for what in ("won", "even", "lost"))
    difference = mean(figures["against"][other]["difference"] for figures in rows)
    return f"{counts} (beyond two standard errors); mean difference {difference:+.3f}"


def draw(figure: Any, rows: list[Figures]) -> None:
    """Draw the scores of each table."""
    figure.set_size_inches(7, 1.5 + 0.22 * len(rows))
    axes, places = figure.subplots(), range(len(rows))
    for name in MODELS:
        scores = [max(0.0, mean(figures["score"][name])) for figures in rows]
        axes.plot(scores, places, "o", color=COLOUR[name], label=name, alpha=0.8)
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
        f"back, means of {len(SEEDS)} splits; seconds of one process, preprocessing, training and "
        'prediction together, medians. Ours has `from_preset("tabular")`, the others are as they '
        "come. ± is one standard error over the test rows."
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
