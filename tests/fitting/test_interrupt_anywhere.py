"""An interrupt anywhere in a fit or a prediction leaves nothing held behind it."""

import contextlib
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import gpubackprop
from gpubackprop import backends
from gpubackprop.backends import threads
from gpubackprop.fitting import epoch_loop, prediction, stochastic
from gpubackprop.fitting.prediction import BLOCK_ROWS

from .agreement import TASKS, ours_for

Line = tuple[str, int]

PACKAGE = str(Path(gpubackprop.__file__).resolve().parent.parent)
CONTEXTS = str(Path(contextlib.__file__).resolve())
LEAVING = {CONTEXTS, threads.__file__, backends.__file__} | {
    module.__file__ for module in (epoch_loop, prediction, stochastic)
}
"""Files whose lines come again on the way out, those of `with` above all."""
EVERY = 20
"""Of all lines, those that are tried besides."""
GENEROUS = 300
"""Seconds until a thread that waits for a lock is given up."""


def _ours(file: str) -> bool:
    """Whether a file is the package's, or that of the standard library's contexts."""
    return file == CONTEXTS or (file.startswith(PACKAGE) and "tests" not in Path(file).parts)


def traced(
    work: Callable[[], Any], visit: Callable[[Line], None], chosen: Callable[[str], bool] = _ours
) -> None:
    """Do work and visit each line of the chosen files before it runs."""

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            visit((frame.f_code.co_filename, frame.f_lineno))
        return trace if chosen(frame.f_code.co_filename) else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)


def interrupted(work: Callable[[], Any], line: Line, time: int) -> None:
    """Do work, with an interrupt as a line is reached for the n-th time."""
    reached = 0

    def visit(here: Line) -> None:
        nonlocal reached
        reached += here == line
        if here == line and reached == time:
            raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        traced(work, visit, line[0].__eq__)


def _model(solver: str) -> Any:
    params = {"hidden_layer_sizes": (4,), "max_iter": 1, "random_state": 0, "batch_size": 100}
    return ours_for(TASKS["regression"], solver=solver, **params)


def test_fit() -> None:
    task = TASKS["regression"]
    adam, lbfgs = _model("adam"), _model("lbfgs")
    assert_nothing_is_left(lambda: adam.fit(task.X, task.y), lambda: lbfgs.fit(task.X, task.y))


def test_predict() -> None:
    task = TASKS["regression"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = _model("adam").fit(task.X, task.y)
    X = np.resize(task.X, (BLOCK_ROWS + 1, task.X.shape[1]))
    assert_nothing_is_left(lambda: model.predict(X))


def assert_nothing_is_left(*works: Callable[[], Any]) -> None:
    """Interrupt works at their lines; where holds are left, on the way out as well."""
    seen: Counter[Line] = Counter()
    with warnings.catch_warnings(), threadpool_limits(limits=2), ThreadPoolExecutor(1) as other:
        warnings.simplefilter("ignore")
        for work in works:
            work()  # what is compiled or imported first
            times: Counter[Line] = Counter()
            traced(work, lambda line, times=times: times.update([line]))
            new = {line: last for line, last in times.items() if line not in seen}
            assert len(new) > 10
            leaving = [line for line in new if line[0] in LEAVING]
            for line in (*leaving, *list(new)[::EVERY]):
                last = new[line]
                for time in {1, last if line[0] in LEAVING else 1}:
                    interrupted(work, line, time)
                    held = len(threads._guests), {pool.num_threads for pool in threads._pools()}
                    assert held == (0, {2}), f"{line}, time {time} of {last}"
                    # another thread: it would wait for a lock that this one has kept
                    assert other.submit(threads.available).result(GENEROUS) == 2
            work()
            seen += times
