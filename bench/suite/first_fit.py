"""What the first fit of a process costs over scikit-learn's: import, compilation, memory.

    python bench/first_fit.py

Every fit has a process of its own. Ours runs twice a round: cold, with an empty compile cache, and
warm, with the cache that the cold one has left. One epoch by default: a longer fit hides the cost.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from .. import host
from ..goals import FIRST_FIT_AT_MOST, IMPORT_AT_MOST, MEMORY_AT_MOST
from ..problems import DTYPES, PROBLEMS
from ..ratios import verdict
from ..report.tables import save_json, save_text, table

Fits = dict[str, list[dict[str, Any]]]
"""What each process reported: scikit-learn's, ours cold, ours warm."""


def main() -> None:
    args = _arguments()
    fits: Fits = {"scikit_learn": [], "cold": [], "warm": []}
    _round(args)  # fills the disk cache and Python's bytecode
    try:
        for _ in range(args.rounds):
            for name, fit in _round(args).items():
                fits[name].append(fit)
    except KeyboardInterrupt:
        print("interrupted; the finished rounds:")
    if not fits["warm"]:
        return
    report = _report(fits, args)
    print(report)
    save_text(args.markdown, report)
    save_json(args.json, {"host": host.describe(), "fits": fits})


def _round(args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    with tempfile.TemporaryDirectory() as cache:
        return {
            "scikit_learn": _fit(args, "sklearn.neural_network", cache),
            "cold": _fit(args, "gpubackprop", cache),
            "warm": _fit(args, "gpubackprop", cache),
        }


def _fit(args: argparse.Namespace, package: str, cache: str) -> dict[str, Any]:
    script = str(Path(__file__).with_name("fit_once.py"))
    finished = subprocess.run(
        [sys.executable, script, package, args.problem, args.dtype, str(args.epochs)],
        env={**os.environ, "GPUBACKPROP_CACHE_DIR": cache},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    answer: dict[str, Any] = json.loads(finished.stdout)
    return answer


def _report(fits: Fits, args: argparse.Namespace) -> str:
    imports = _over(fits, "warm", "import")
    lines = [["import, s", *_columns(fits, "import"), verdict(imports, at_most=IMPORT_AT_MOST)]]
    for name, goal in FIRST_FIT_AT_MOST.items():
        passed = verdict(_over(fits, name, "fit"), at_most=goal)
        lines.append([f"first fit, {name}, s", *_columns(fits, "fit", name), passed])
    for name in FIRST_FIT_AT_MOST:
        passed = verdict(_over(fits, name, "fit_mb"), at_most=MEMORY_AT_MOST)
        lines.append([f"peak memory, {name}, MB", *_columns(fits, "fit_mb", name), passed])
    header = ["median", "scikit-learn", "ours", "ours - scikit-learn", "goal for it"]
    loaded = {name: fits[name][-1]["loaded"] for name in ("cold", "warm")}
    about = f"{host.sentence()}; {args.problem}, {args.dtype}, {args.epochs} epochs"
    return f"{table(header, lines)}\n\n{about}, {len(fits['warm'])} rounds; loaded: {loaded}"


def _columns(fits: Fits, what: str, name: str = "warm") -> list[str]:
    values = (_median(fits, "scikit_learn", what), _median(fits, name, what))
    return [f"{value:.4g}" for value in (*values, _over(fits, name, what))]


def _median(fits: Fits, name: str, what: str) -> float:
    return float(median(fit[what] for fit in fits[name]))


def _over(fits: Fits, name: str, what: str) -> float:
    """How much more than scikit-learn's, pair by pair."""
    pairs = zip(fits[name], fits["scikit_learn"], strict=False)
    return float(median(ours[what] - theirs[what] for ours, theirs in pairs))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--problem", default="digits", choices=PROBLEMS)
    parser.add_argument("--dtype", default="float64", choices=DTYPES)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
