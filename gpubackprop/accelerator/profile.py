"""Note which calls were accelerated, for how long, and which were left to scikit-learn.

Each process notes its calls in a file of its own, in a folder that an environment variable names,
so that the processes of a parallel search are in the report as well.
"""

import functools
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

from ..fitting import overrides
from ..fitting.lbfgs import fit_lbfgs
from ..fitting.prediction import forward_pass_fast
from ..fitting.stochastic import fit_stochastic
from . import measuring
from .report import VARIABLE, Call


class Way(NamedTuple):
    """How the calls of a method are described."""

    reason: Callable[[Any, Any], str | None]
    """Why scikit-learn's own code ran, of the estimator and X."""
    units: Callable[[Any], int]
    """How many epochs, iterations or predictions the call was."""
    measure: Callable[..., float]
    """Seconds of one of them in scikit-learn's code."""


def _not_predicted(estimator: Any, X: Any) -> str | None:
    if scipy.sparse.issparse(X):
        return "sparse X"
    return overrides.in_prediction(estimator) or "so few rows gain nothing"


_WAYS: dict[Callable[..., Any], Way] = {
    fit_stochastic: Way(overrides.in_training, lambda e: e.n_iter_, measuring.epoch),
    fit_lbfgs: Way(overrides.in_full_batch, lambda e: e.n_iter_, measuring.gradient),
    forward_pass_fast: Way(_not_predicted, lambda e: 1, measuring.prediction),
}
_seconds: dict[Any, float] = {}
"""Of scikit-learn's code, measured once for each kind of call."""


class _Within(threading.local):
    """Whether this thread is in a call that is noted, of which others are part."""

    noted = False


_within = _Within()


def watching(compute: Callable[..., Any]) -> Callable[..., Any]:
    """Return what computes, and notes the call where a profile is being made.

    What checks data is part of a call, and not noted.
    """
    if VARIABLE not in os.environ or _within.noted or compute not in _WAYS:
        return compute
    return functools.partial(_noted, compute)


def _noted(
    compute: Callable[..., Any],
    estimator: Any,
    original: "functools.partial[Any]",
    *arguments: Any,
    **named: Any,
) -> Any:
    handed_back = False

    def noticed(*arguments: Any, **named: Any) -> Any:
        nonlocal handed_back
        handed_back = True
        return original(*arguments, **named)

    _within.noted = True
    try:
        started = time.perf_counter()
        result = compute(estimator, noticed, *arguments, **named)
        taken = time.perf_counter() - started
        model, method = type(estimator).__name__, _method(compute, arguments)
        if handed_back:
            reason = _WAYS[compute].reason(estimator, arguments[0])
            _write(Call(model, method, reason or "it asked for it", taken, taken))
        else:
            estimate = _estimate(compute, estimator, original.func, arguments)
            _write(Call(model, method, None, taken, estimate))
    finally:
        _within.noted = False
    return result


def _method(compute: Callable[..., Any], arguments: tuple[Any, ...]) -> str:
    if compute is forward_pass_fast:
        return "predict"
    return "partial_fit" if arguments[-1] is True else "fit"


def _estimate(
    compute: Callable[..., Any], estimator: Any, original: Any, arguments: tuple[Any, ...]
) -> float:
    """Estimate the seconds of scikit-learn's code from one epoch, iteration or prediction of it."""
    units, measure = _WAYS[compute].units(estimator), _WAYS[compute].measure
    kind = (
        *(compute, type(estimator), estimator.activation, estimator.solver, estimator.batch_size),
        *(np.shape(arguments[0]), *map(np.shape, estimator.coefs_)),
    )
    if kind not in _seconds:
        with np.errstate(all="ignore"):  # the call itself has warned
            _seconds[kind] = measure(estimator, original, *arguments)
    return units * _seconds[kind]


def _write(call: Call) -> None:
    file = Path(os.environ[VARIABLE]) / f"{os.getpid()}.jsonl"
    try:
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(call._asdict()) + "\n")
    except OSError:
        return  # the process that wanted to know has ended
