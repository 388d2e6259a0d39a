"""Epochs of PyTorch and JAX on the GPU beside ours."""

from statistics import geometric_mean, median

from ..contestants import OURS_ON_GPU, PEERS_ON_GPU
from ..goals import ON_GPU_AT_LEAST
from ..race import race
from ..report.section import Figures, Section
from ..problems import ON_GPU
from ..ratios import Ratio, verdict


def cells(figures: Figures) -> list[str]:
    ours = 1e3 * median(figures["seconds"][OURS_ON_GPU])
    return [figures["case"], f"{ours:.3g}", *(_cell(figures, peer) for peer in PEERS_ON_GPU)]


def _cell(figures: Figures, peer: str) -> str:
    if peer not in figures["seconds"]:
        return "left out"
    wrong = " LEARNS SOMETHING ELSE" if peer in figures["something else"] else ""
    return f"{ratio(figures, peer)}{wrong}"


def ratio(figures: Figures, peer: str) -> Ratio:
    """A contestant's time over ours."""
    return Ratio.of(figures["seconds"][peer], figures["seconds"][OURS_ON_GPU])


def conclusions(rows: list[Figures]) -> list[str]:
    """Geometric means over the problems that a contestant has learnt, and who is left out where."""
    lines = []
    for peer in PEERS_ON_GPU:
        medians = [
            ratio(figures, peer).median
            for figures in rows
            if peer in figures["seconds"] and peer not in figures["something else"]
        ]
        if medians:
            mean = geometric_mean(medians)
            goal = verdict(mean, at_least=ON_GPU_AT_LEAST[peer])
            of = f"over {len(medians)} of {len(SECTION.cases)} problems"
            lines.append(f"{peer} / ours, geometric mean {of}: {mean:.2f}, {goal}")
    return lines + left_out(rows)


def left_out(rows: list[Figures]) -> list[str]:
    """Who could not be measured, and why."""
    return [
        f"{figures['case']}: {name} is left out, {reason}"
        for figures in rows
        for name, reason in figures["left out"].items()
    ]


SECTION = Section(
    "peers",
    "Epochs of other libraries on the same GPU over ours",
    ["problem, float32", "ours, ms", *(f"{peer} / ours" for peer in PEERS_ON_GPU)],
    tuple(ON_GPU),
    cells,
    conclusions,
)


def measure(case: str, quick: bool) -> Figures:
    """Race on one problem."""
    return race(case, OURS_ON_GPU, PEERS_ON_GPU, quick)
