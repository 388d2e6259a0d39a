"""Steps of one process or of several ranks: `python -m gpubackprop.bench.fit_ranks PROBLEM ...`.

The first rank prints one line of JSON: seconds of a step and of an all-reduce of its gradient.
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np

from .. import MLPClassifier, data_parallel
from ..backends import threads
from ..kernels.group import Group
from .contestants.estimator import marked
from .problems import PROBLEMS, Problem
from .start import parameters

EPOCHS, BATCHES = 3, 20
"""Epochs that are timed, after a first one, and of how many batches at the most."""


def main() -> None:
    args = _arguments()
    alone = threads.sharing(args.threads) if args.threads else nullcontext()
    warnings.simplefilter("ignore")  # a few epochs do not converge
    with data_parallel() as group, alone:
        steps = [_step(_problem(args.problem, batch, args.quick)) for batch in args.batch]
        exchange = _all_reduce(group, args.problem) if group else 0.0
    if group is None or group.index == 0:
        print(json.dumps({"steps": steps, "all_reduce": exchange}))


def _problem(name: str, batch: int, quick: bool) -> Problem:
    problem = PROBLEMS[name].smallest() if quick else PROBLEMS[name]
    return problem._replace(batch=batch, rows=min(problem.rows, BATCHES * batch))


def _step(problem: Problem) -> float:
    """Seconds of a step."""
    X, y = problem.data("float32")
    asked: dict[str, Any] = {**parameters(problem, "relu"), "max_iter": EPOCHS + 1}
    model = marked(MLPClassifier)(device="cpu", **asked).fit(X, y)
    return float(median(np.diff(model.marks))) / -(-len(X) // problem.batch)


def _all_reduce(group: Group, name: str) -> float:
    """Seconds of the sum of a vector as long as the parameters."""
    sizes = PROBLEMS[name].layer_sizes
    vector = np.zeros(sum((m + 1) * n for m, n in pairwise(sizes)), dtype=np.float32)
    return median(_seconds(lambda: group.all_reduce(vector)) for _ in range(20))


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("problem")
    parser.add_argument("--batch", type=int, nargs="+", help="rows, a measurement each")
    parser.add_argument("--threads", type=int, help="of one process; by default those of the BLAS")
    parser.add_argument("--quick", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
