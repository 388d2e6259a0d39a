"""Ours on the CPU and ours on the GPU: from which size on the GPU is faster."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from ..contestants import OURS, OURS_ON_GPU
from ..on_cpu.sweeps import cases_of, curves
from ..options import Options
from ..problems import PROBLEMS, Problem
from ..processes.race import Race, ratio, remarks, times
from ..ratios import milliseconds
from ..report.pictures import Line, colours, legend, log_log, panel
from ..report.section import Figures, Measure, Section

WIDTHS = (8, 32, 128, 512, 2048)
COMPARED = ("mnist", "wide")


def problem(case: str) -> Problem:
    """Return the problem of this name, or one with a hidden layer of this width."""
    if case in PROBLEMS:
        return PROBLEMS[case]
    width = int(case.removeprefix("width "))
    return Problem("crossover", 8192, 128, 10, (width, width), 512)


def cases(options: Options) -> Sequence[str]:
    """Growing layers, then two of the usual problems."""
    return [*cases_of({"width": WIDTHS}), *COMPARED]


@contextmanager
def measuring(options: Options) -> Iterator[Measure]:
    """Race ours on the CPU with ours on the GPU."""
    with Race(OURS_ON_GPU, (OURS,), options) as race:
        yield lambda case: race.run(case, problem(case), "float32", "relu")


def cells(figures: Figures) -> list[str]:
    seconds = figures["seconds"]
    gpu = milliseconds(seconds[OURS_ON_GPU])
    if OURS not in seconds:
        return [figures["case"], gpu, "left out", ""]
    cpu = milliseconds(seconds[OURS])
    return [figures["case"], gpu, cpu, str(ratio(figures, OURS_ON_GPU, OURS))]


def by_width(rows: list[Figures]) -> Mapping[str, Line]:
    """Milliseconds by width, for each device that was measured."""
    swept = [figures for figures in rows if figures["case"] not in COMPARED]
    return curves(swept, times).get("width", {})


def crossing(cpu: Line, gpu: Line) -> tuple[float, float] | None:
    """Width at which the GPU's curve falls below the CPU's, interpolated on logarithmic axes."""
    points = [
        (math.log(x), math.log(a / b), math.log(a)) for (x, a), (_, b) in zip(cpu, gpu, strict=True)
    ]
    for (x0, gap0, y0), (x1, gap1, y1) in pairwise(points):
        if gap0 < 0 <= gap1:
            part = gap0 / (gap0 - gap1)
            return math.exp(x0 + part * (x1 - x0)), math.exp(y0 + part * (y1 - y0))
    return None


def conclusions(rows: list[Figures]) -> list[str]:
    """Say from which width the GPU is faster."""
    lines = by_width(rows)
    if set(lines) != {OURS, OURS_ON_GPU}:
        return remarks(rows)
    found = crossing(lines[OURS], lines[OURS_ON_GPU])
    if found is None:
        first = lines[OURS][0][1] >= lines[OURS_ON_GPU][0][1]
        said = f"the {'GPU' if first else 'CPU'} is faster at all these widths"
    else:
        said = f"the GPU is faster from a width of about {found[0]:.0f} on"
    return [said, *remarks(rows)]


def draw(figure: Any, rows: list[Figures]) -> None:
    """Draw both curves, and mark where they cross."""
    lines = by_width(rows)
    figure.set_size_inches(7, 4.5)
    axes = figure.subplots()
    log_log(axes, lines, colours((OURS, OURS_ON_GPU), OURS_ON_GPU))
    found = crossing(lines[OURS], lines[OURS_ON_GPU]) if len(lines) == 2 else None
    if found is not None:
        axes.plot(*found, marker="o", markersize=12, color="black", fillstyle="none")
        axes.annotate(f"width {found[0]:.0f}", found, xytext=(12, -12), textcoords="offset points")
    panel(axes, "CPU against GPU", "width of two hidden layers", "ms an epoch")
    legend(figure, axes)


SECTION = Section(
    name="crossover",
    title="Ours on the CPU over ours on the GPU",
    about="8192 rows of 128 features, batches of 512, float32 and ReLU, and two larger problems.",
    header=["problem", "GPU, ms", "CPU, ms", "CPU / GPU"],
    cases=cases,
    measuring=measuring,
    cells=cells,
    conclusions=conclusions,
    draw=draw,
    needs_gpu=True,
)
