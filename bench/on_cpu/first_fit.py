"""Cost of a process's first fit above scikit-learn's: import, compilation, memory."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from ...kernels.native import shipped
from ..contestants import OURS
from ..goals import FIRST_FIT_AT_MOST, IMPORT_AT_MOST, MEMORY_AT_MOST, at_most
from ..options import Options
from ..processes.duel import PACKAGES, SKLEARN
from ..ratios import ranged
from ..report.section import Figures, Measure, Section

SCRIPT = Path(__file__).parents[1] / "fit_once.py"
QUANTITIES = (
    ("warm", "import", IMPORT_AT_MOST),
    ("cold", "fit", FIRST_FIT_AT_MOST["cold"]),
    ("warm", "fit", FIRST_FIT_AT_MOST["warm"]),
    ("cold", "fit_mb", MEMORY_AT_MOST),
    ("warm", "fit_mb", MEMORY_AT_MOST),
)
"""Quantities compared with scikit-learn's, and the most that ours may be above."""


def cases(options: Options) -> Sequence[str]:
    """One small network."""
    return ("digits float64",)


@contextmanager
def measuring(options: Options) -> Iterator[Measure]:
    """Fit in fresh processes, round after round."""

    def measure(case: str) -> Figures:
        if not options.quick:
            _round(case)  # fills the disk cache and Python's bytecode
        fits = [_round(case) for _ in range(options.pairs)]
        return {"case": case, "fits": fits, "shipped": shipped.is_used()}

    yield measure


def _round(case: str) -> dict[str, dict[str, Any]]:
    with tempfile.TemporaryDirectory() as cache:
        turns = {SKLEARN: SKLEARN, "cold": OURS, "warm": OURS}
        return {turn: _fit(PACKAGES[who], case, cache) for turn, who in turns.items()}


def _fit(package: str, case: str, cache: str) -> dict[str, Any]:
    """Run the script as a file: as a module it would import our package before the clock runs."""
    finished = subprocess.run(
        [sys.executable, "-P", str(SCRIPT), package, *case.split()],
        env={**os.environ, "GPUBACKPROP_CACHE_DIR": cache},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    answer: dict[str, Any] = json.loads(finished.stdout)
    return answer


def above(figures: Figures, name: str, what: str) -> list[float]:
    """Difference from scikit-learn's, round by round."""
    return [fits[name][what] - fits[SKLEARN][what] for fits in figures["fits"]]


def cells(figures: Figures) -> list[str]:
    differences = (above(figures, name, what) for name, what, _ in QUANTITIES)
    return [figures["case"], *map(ranged, differences)]


def conclusions(rows: list[Figures]) -> list[str]:
    """Say each difference beside its goal."""
    lines = []
    for figures in rows:
        if not figures.get("shipped", False):  # as in reports of before it was
            lines.append("cold: compiled by the first fit, as in a checkout; no code came along")
        for name, what, goal in QUANTITIES:
            value = median(above(figures, name, what))
            unit = "MB" if what.endswith("mb") else "s"
            said = f"{what.removesuffix('_mb')}, {name}: {value:.3g} {unit} more than scikit-learn"
            lines.append(f"{said}, goal {at_most(goal, value)}")
    return lines


SECTION = Section(
    name="first_fit",
    title="The first fit of a process, above scikit-learn's",
    about=(
        "One epoch in a fresh process, as a longer fit would hide what the start costs: with an "
        "empty compile cache (cold), and with the cache that the cold fit filled (warm); a package "
        "that is installed brings its machine code along. "
        "Medians (and ranges) of differences."
    ),
    header=[
        "problem",
        *("import, s", "fit, cold, s", "fit, warm, s", "peak, cold, MB", "peak, warm, MB"),
    ],
    cases=cases,
    measuring=measuring,
    cells=cells,
    conclusions=conclusions,
)
