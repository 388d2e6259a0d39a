"""Prediction time of scikit-learn over ours, at one row and at many.

python bench/prediction.py
"""

import argparse
from itertools import product
from pathlib import Path

from .. import host
from ..goals import PREDICTION_AT_LEAST
from ..problems import DTYPES, PROBLEMS
from ..ratios import Ratio, verdict
from ..report.tables import save_json, save_text, table
from ..service import Service, in_turn

PACKAGES = {"ours": "gpubackprop", "scikit_learn": "sklearn.neural_network"}
Case = tuple[str, str, int]
"""Problem, dtype and number of rows."""


def main() -> None:
    args = _arguments()
    results: dict[Case, dict[str, list[float]]] = {}
    try:
        for case in product(args.problems, args.dtype, args.rows):
            results[case] = _measure(case, args.pairs)
    except KeyboardInterrupt:
        print("interrupted; the finished rows:")
    header = ["problem", "dtype", "rows", "ours, ms", "scikit-learn / ours", "goal"]
    lines = [_line(case, seconds) for case, seconds in results.items()]
    report = f"{table(header, lines)}\n\n{host.sentence()}; {args.pairs} pairs"
    print(report)
    save_text(args.markdown, report)
    rows = [{"case": case, "seconds": seconds} for case, seconds in results.items()]
    save_json(args.json, {"host": host.describe(), "rows": rows})


def _measure(case: Case, pairs: int) -> dict[str, list[float]]:
    services: dict[str, Service] = {}
    try:
        for name, package in PACKAGES.items():
            services[name] = Service("predict_worker.py", package, *map(str, case))
        ours, theirs = (service.ready["labels"] for service in services.values())
        if ours != theirs:
            differ = sum(a != b for a, b in zip(ours, theirs, strict=True))
            print(f"{case}: {differ} of {len(ours)} predicted labels differ")
        return in_turn(services, pairs)
    finally:
        for service in services.values():
            service.close()


def _line(case: Case, seconds: dict[str, list[float]]) -> list[str]:
    ratio = Ratio.of(seconds["scikit_learn"], seconds["ours"])
    goal = verdict(ratio.median, at_least=PREDICTION_AT_LEAST)
    return [*map(str, case), f"{1e3 * min(seconds['ours']):.3g}", str(ratio), goal]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--problems", nargs="+", default=["digits", "mid"], choices=PROBLEMS)
    parser.add_argument("--dtype", nargs="+", default=list(DTYPES), choices=DTYPES)
    parser.add_argument("--rows", nargs="+", type=int, default=[1, 100_000])
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
