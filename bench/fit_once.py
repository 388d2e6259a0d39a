"""The first fit of a process: `python -P fit_once.py PACKAGE PROBLEM DTYPE`.

Prints one line of JSON: seconds of the import and of a fit of one epoch, and peak memory in MB.
"""

import argparse
import json
import time
import warnings
from importlib import import_module


def main() -> None:
    args = _arguments()
    started = time.perf_counter()
    estimator = import_module(args.package).MLPClassifier
    imported = time.perf_counter()
    from gpubackprop.bench.problems import PROBLEMS  # not before: it imports NumPy
    from gpubackprop.bench.resident import peak_mb
    from gpubackprop.bench.start import parameters

    problem = PROBLEMS[args.problem]
    X, y = problem.data(args.dtype)
    model = estimator(max_iter=1, **parameters(problem, "relu"))
    warnings.simplefilter("ignore")  # one epoch does not converge
    before = time.perf_counter()
    model.fit(X, y)
    times = {"import": imported - started, "fit": time.perf_counter() - before}
    print(json.dumps({**times, "fit_mb": peak_mb()}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("package", "problem", "dtype"):
        parser.add_argument(name)
    return parser.parse_args()


if __name__ == "__main__":
    main()
