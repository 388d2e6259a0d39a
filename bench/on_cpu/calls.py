"""Many small calls beside scikit-learn's: streams by partial_fit, short fits, early stopping."""

import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
from sklearn.datasets import load_digits, load_iris

from ...fitting.engines import kept
from ..contestants import OURS
from ..goals import CALLS_AT_LEAST, at_least
from ..options import Options
from ..problems import PROBLEMS, Array
from ..processes.duel import duel, gain
from ..ratios import milliseconds
from ..report.section import Figures, Section

SECONDS = 0.2
"""About the length of one measurement."""
HIDDEN = {"one": (100,), "four": (50,) * 4, "500": (10,) * 500}
"""Layers by the word for how many."""
STOPPING: dict[str, Callable[..., Any]] = {"iris": load_iris, "digits": load_digits}


def cases(options: Options) -> Sequence[str]:
    """All that have a goal; in the quick form one of each kind."""
    return ("partial_fit one 1", "stopping iris") if options.quick else tuple(CALLS_AT_LEAST)


def once(package: ModuleType, case: str, quick: bool) -> dict[str, Any]:
    """Time one kind of call on an estimator that has been called before."""
    kind, *words = case.split()
    call = _CALLS[kind](package, *words)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # short fits do not converge
        call()
        calls = max(1, round((0.01 if quick else SECONDS) / _seconds(call, 2)))
        return {"seconds": _seconds(call, calls)}


def _seconds(call: Callable[[], Any], calls: int) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - started) / calls


def _stream(package: ModuleType, layers: str, rows: str) -> Callable[[], Any]:
    model = package.MLPClassifier(hidden_layer_sizes=HIDDEN[layers], random_state=0)
    X, y = _chunk(int(rows))
    return partial(model.partial_fit, X, y, classes=np.arange(3))


def _fit(package: ModuleType, layers: str, start: str) -> Callable[[], Any]:
    params = {"hidden_layer_sizes": HIDDEN[layers], "warm_start": start == "warm"}
    model = package.MLPClassifier(max_iter=1, random_state=0, **params)
    call = partial(model.fit, *_chunk(200))
    return call if start == "warm" else partial(_first_of_its_kind, call)


def _stopping(package: ModuleType, name: str) -> Callable[[], Any]:
    params: dict[str, Any] = {}
    if name in STOPPING:
        X, y = STOPPING[name](return_X_y=True)
    else:
        problem = PROBLEMS[name]
        X, y = problem.data("float32")
        params = {"hidden_layer_sizes": problem.hidden, "batch_size": problem.batch}
    model = package.MLPClassifier(early_stopping=True, random_state=0, **params)
    return partial(_first_of_its_kind, partial(model.fit, X.astype(np.float32), y))


def _first_of_its_kind(fit: Callable[[], Any]) -> None:
    kept.engines.clear()
    fit()


_CALLS: dict[str, Callable[..., Callable[[], Any]]] = {
    "partial_fit": _stream,
    "fit": _fit,
    "stopping": _stopping,
}


def _chunk(rows: int) -> tuple[Array, Array]:
    X = np.random.default_rng(0).standard_normal((rows, 20))
    return X, np.arange(rows) % 3


def cells(figures: Figures) -> list[str]:
    goal = CALLS_AT_LEAST[figures["case"]]
    ratio = gain(figures)
    ours = milliseconds(figures["seconds"][OURS])
    return [figures["case"], ours, str(ratio), at_least(goal, ratio.median)]


def conclusions(rows: list[Figures]) -> list[str]:
    """The calls that fall short of their goal."""
    short = [f["case"] for f in rows if gain(f).median < CALLS_AT_LEAST[f["case"]]]
    return [f"short of the goal: {', '.join(short)}" if short else "each reaches its goal"]


SECTION = Section(
    name="calls",
    title="Many small calls: scikit-learn's time over ours",
    about=(
        "`partial_fit` of 1, 10 or 200 rows of 20 features, one layer of 100 units or four of 50; "
        "`fit` of 200 rows for one epoch, cold or with `warm_start`; whole cold fits with early "
        "stopping, in float32: iris, the digits, and 2000 x 20 rows with 32 units in batches "
        "of 32. A cold fit is the first of its kind: no engine of an earlier one is kept."
    ),
    header=["call", "ours, ms", "scikit-learn / ours", "goal"],
    cases=cases,
    measuring=duel(__name__),
    cells=cells,
    conclusions=conclusions,
)
