"""Two ranks of one thread beside one process of two threads, and a forecast for more ranks."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..goals import RANKS_AT_MOST, at_most
from ..options import Options
from ..processes.service import UnavailableError
from ..ratios import Ratio, milliseconds
from ..report.section import Figures, Measure, Section

MODULE = "gpubackprop.bench.fit_ranks"
RANKS, BATCH = 2, 1024
FORECAST = (4, 16, 64)
"""Numbers of ranks whose steps are forecast."""
PATIENCE = 300.0
"""Seconds that one process, or its ranks, may take."""

PARTS = (1, *FORECAST)
"""Numbers of ranks for which one thread's time for its part of the rows is measured."""
Found = dict[str, Any]


def cases(options: Options) -> Sequence[str]:
    """The two problems whose steps are long enough to be divided."""
    return ("mid",) if options.quick else ("mid", "wide")


@contextmanager
def measuring(options: Options) -> Iterator[Measure]:
    """Measure one process and two ranks in turn."""
    quick = ["--quick"] if options.quick else []

    def measure(case: str) -> Figures:
        launcher, asked = [_mpiexec(), "-n", str(RANKS)], [case, *quick, "--batch"]
        rounds = []
        for _ in range(options.pairs):
            alone = _fit([], *asked, str(BATCH), "--threads", str(RANKS))
            rounds.append({"one": alone, "ranks": _fit(launcher, *asked, str(BATCH))})
        parts = _fit([], *asked, *(str(BATCH // n) for n in PARTS), "--threads", "1")["steps"]
        return {"case": case, "rounds": rounds, "parts": parts}

    yield measure


def _fit(launcher: list[str], *arguments: str) -> Found:
    finished = subprocess.run(
        [*launcher, sys.executable, "-m", MODULE, *arguments],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        timeout=PATIENCE,
    )
    found: Found = json.loads(finished.stdout)
    return found


def _mpiexec() -> str:
    beside = Path(sys.executable).with_name("mpiexec")
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    if found is None or find_spec("mpi4py") is None:
        raise UnavailableError("needs mpi4py and an MPI: pip install 'gpubackprop[mpi]'")
    return found


def steps(figures: Figures, who: str) -> list[float]:
    """Seconds of a step, round by round."""
    return [each[who]["steps"][0] for each in figures["rounds"]]


def forecast(figures: Figures, ranks: int) -> float:
    """Forecast the speed of several ranks of one thread each over one such rank.

    A ring moves 2 (N - 1)/N of the gradient through each rank, for two ranks once its size.
    """
    parts: dict[int, float] = dict(zip(PARTS, figures["parts"], strict=True))
    exchange: float = min(each["ranks"]["all_reduce"] for each in figures["rounds"])
    return parts[1] / (parts[ranks] + exchange * 2 * (ranks - 1) / ranks)


def cells(figures: Figures) -> list[str]:
    one, ranks = steps(figures, "one"), steps(figures, "ranks")
    exchanges = [each["ranks"]["all_reduce"] for each in figures["rounds"]]
    said = [milliseconds(one), milliseconds(ranks), str(Ratio.of(ranks, one))]
    speeds = [f"{forecast(figures, n):.1f}" for n in FORECAST]
    return [figures["case"], *said, milliseconds(exchanges), *speeds]


def conclusions(rows: list[Figures]) -> list[str]:
    """Say the ratios beside their goal."""
    lines = []
    for figures in rows:
        ratio = Ratio.of(steps(figures, "ranks"), steps(figures, "one")).median
        goal = at_most(RANKS_AT_MOST, ratio)
        lines.append(f"{figures['case']}: two ranks over two threads {ratio:.2f}, goal {goal}")
    return lines


SECTION = Section(
    name="ranks",
    title="Ranks: a step of several processes that train one network",
    about=(
        f"Steps of {BATCH} rows, float32: two ranks of one thread (mpiexec) over one process of "
        "two threads, in turn; the all-reduce of the gradient between the two. The last columns "
        "are a forecast, not measured: how many times as fast as one rank so many ranks would be, "
        "each on a core of its own, from one thread's time for its part of the rows and that "
        "all-reduce, whose ring moves 2 (N - 1) / N of the gradient."
    ),
    header=[
        *("problem", "one process, ms", "two ranks, ms", "two ranks / one process"),
        *("all-reduce, ms", *(f"forecast: {n} ranks" for n in FORECAST)),
    ],
    cases=cases,
    measuring=measuring,
    cells=cells,
    conclusions=conclusions,
)
