"""Epochs of PyTorch and JAX on the GPU beside ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..contestants import OURS_ON_GPU, PEERS_ON_GPU
from ..goals import ON_GPU_AT_LEAST, at_least
from ..options import Options
from ..problems import ON_GPU
from ..processes.race import Race, ratio, remarks
from ..ratios import milliseconds
from ..report.section import Figures, Measure, Section, always
from ..speedups import draw_speedups, on_the_whole


@contextmanager
def measuring(options: Options) -> Iterator[Measure]:
    """Race on each problem."""
    with Race(OURS_ON_GPU, PEERS_ON_GPU, options) as race:
        yield lambda case: race.run(case, ON_GPU[case], "float32", "relu")


def cells(figures: Figures) -> list[str]:
    ours = milliseconds(figures["seconds"][OURS_ON_GPU])
    return [figures["case"], ours, *(_cell(figures, peer) for peer in PEERS_ON_GPU)]


def _cell(figures: Figures, peer: str) -> str:
    if peer not in figures["seconds"]:
        return "left out"
    wrong = " LEARNS SOMETHING ELSE" if peer in figures["something else"] else ""
    return f"{ratio(figures, OURS_ON_GPU, peer)}{wrong}"


def conclusions(rows: list[Figures]) -> list[str]:
    """Geometric means over the problems that a contestant has learnt, then remarks."""
    lines = []
    for peer in PEERS_ON_GPU:
        found = on_the_whole(rows, OURS_ON_GPU, peer)
        if found:
            mean, problems = found
            goal = at_least(ON_GPU_AT_LEAST[peer], mean)
            of = f"over {problems} of {len(ON_GPU)} problems"
            lines.append(f"{peer} / ours, geometric mean {of}: {mean:.2f}, {goal}")
    return lines + remarks(rows)


def draw(figure: Any, rows: list[Figures]) -> None:
    """Draw how many times as long the others take."""
    title = "Time of an epoch on the GPU over ours"
    draw_speedups(figure, rows, OURS_ON_GPU, PEERS_ON_GPU, title)


SECTION = Section(
    name="peers",
    title="Epochs of other libraries on the same GPU over ours",
    about=(
        "Equal work as on the CPU, float32 without TF32; medians (and ranges) of pairs in turn."
    ),
    header=["problem, float32", "ours, ms", *(f"{peer} / ours" for peer in PEERS_ON_GPU)],
    cases=always(*ON_GPU),
    measuring=measuring,
    cells=cells,
    conclusions=conclusions,
    draw=draw,
    needs_gpu=True,
)
