"""Sparse examples, as text gives them, beside scikit-learn."""

import time
import warnings
from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import scipy.sparse

from ..contestants import OURS
from ..goals import SPARSE_AT_LEAST, at_least
from ..options import Options
from ..problems import Array
from ..processes.duel import duel, gain
from ..report.section import Figures, Section

ROWS, ENTRIES, HIDDEN = 20_000, 80, 100


def cases(options: Options) -> Sequence[str]:
    """Columns of X and its type."""
    return ("50 float64",) if options.quick else tuple(SPARSE_AT_LEAST)


def once(package: ModuleType, case: str, quick: bool) -> dict[str, Any]:
    """Time a fit of one epoch, which does not converge."""
    columns, dtype = case.split()
    X, y = _data(300 if quick else ROWS, int(columns), dtype)
    model = package.MLPClassifier(hidden_layer_sizes=(HIDDEN,), max_iter=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        started = time.perf_counter()
        model.fit(X, y)
        return {"seconds": time.perf_counter() - started, "loss": float(model.loss_)}


@cache
def _data(rows: int, columns: int, dtype: str) -> tuple[Any, Array]:
    """Entries at random places, and two classes of the rows at random."""
    rng = np.random.default_rng(0)
    places = rng.integers(0, columns, rows * ENTRIES)
    starts = np.arange(0, rows * ENTRIES + 1, ENTRIES)
    entries = rng.random(rows * ENTRIES).astype(dtype)
    X = scipy.sparse.csr_array((entries, places, starts), shape=(rows, columns))
    return X, rng.integers(0, 2, rows)


def cells(figures: Figures) -> list[str]:
    ratio, goal = gain(figures), SPARSE_AT_LEAST.get(figures["case"], 0.0)
    seconds, losses = figures["seconds"][OURS], [f["loss"] for f in figures["found"].values()]
    apart = abs(losses[0] - losses[1])
    row = [figures["case"], f"{np.median(seconds):.2f}", str(ratio), f"{apart:.1e}"]
    return [*row, at_least(goal, ratio.median)]


def conclusions(rows: list[Figures]) -> list[str]:
    """The least gain."""
    return [f"at the least {min(gain(figures).median for figures in rows):.2f}"]


SECTION = Section(
    name="sparse",
    title="Sparse examples: scikit-learn's time over ours",
    about=(
        f"`fit` for one epoch, the making of the weights included, on {ROWS} rows of a CSR array "
        f"with {ENTRIES} entries each, {HIDDEN} units, batches of 200; medians (and ranges)."
    ),
    header=["columns, dtype", "ours, s", "scikit-learn / ours", "losses apart", "goal"],
    cases=cases,
    measuring=duel(__name__),
    cells=cells,
    conclusions=conclusions,
)
