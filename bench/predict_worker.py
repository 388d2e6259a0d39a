"""`python bench/predict_worker.py PACKAGE PROBLEM DTYPE ROWS`: predicts when asked, see worker.py.

One measurement is the time of one `predict`, averaged over calls for about 0.3 seconds.
"""

import argparse
import time
import warnings
from importlib import import_module
from typing import Any

import numpy as np

from .problems import find
from .service import serve
from .start import parameters

SECONDS = 0.3


def main() -> None:
    args = _arguments()
    problem = find(args.problem)
    X, y = problem.data(args.dtype)
    warnings.simplefilter("ignore")  # one epoch does not converge
    estimator = import_module(args.package).MLPClassifier
    model = estimator(max_iter=1, **parameters(problem, "relu")).fit(X, y)
    rows = np.resize(X, (args.rows, problem.features))
    _predict(model, rows, 2)
    calls = max(1, round(SECONDS / _predict(model, rows, 2)))
    labels = model.predict(rows[: problem.rows]).tolist()
    serve({"labels": labels}, lambda: {"seconds": _predict(model, rows, calls)})


def _predict(model: Any, rows: Any, calls: int) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    for _ in range(calls):
        model.predict(rows)
    return (time.perf_counter() - started) / calls


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package")
    parser.add_argument("problem")
    parser.add_argument("dtype")
    parser.add_argument("rows", type=int)
    return parser.parse_args()


if __name__ == "__main__":
    main()
