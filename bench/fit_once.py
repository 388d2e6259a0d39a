"""The first fit of a process: `python bench/fit_once.py PACKAGE PROBLEM DTYPE EPOCHS`.

Prints one line of JSON: seconds of the import and of the fit, and the peak memory in MB.
"""

import argparse
import json
import resource
import sys
import time
import warnings
from importlib import import_module
from pathlib import Path

PACKAGES = ("sklearn.neural_network", "gpubackprop")


def main() -> None:
    args = _arguments()
    started = time.perf_counter()
    estimator = import_module(args.package).MLPClassifier
    imported = time.perf_counter()
    from problems import find  # not before: it imports NumPy
    from start import parameters

    problem = find(args.problem)
    X, y = problem.data(args.dtype)
    model = estimator(max_iter=args.epochs, **parameters(problem, "relu"))
    warnings.simplefilter("ignore")  # so few epochs do not converge
    before = time.perf_counter()
    model.fit(X, y)
    times = {"import": imported - started, "fit": time.perf_counter() - before}
    heavy = sorted({"numba", "numba.cuda", "cupy"} & set(sys.modules))
    print(json.dumps({**times, "fit_mb": _peak_mb(), "loaded": heavy}))


def _peak_mb() -> float:
    """Most memory ever resident; Linux' getrusage would count the parent's as well."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    except (OSError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1024 ** (2 if sys.platform == "darwin" else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", choices=PACKAGES)
    parser.add_argument("problem")
    parser.add_argument("dtype")
    parser.add_argument("epochs", type=int)
    return parser.parse_args()


if __name__ == "__main__":
    main()
