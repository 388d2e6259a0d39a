"""Epochs of ours on the CPU over ours on the GPU."""

from statistics import median

from ..contestants import OURS, OURS_ON_GPU
from ..on_gpu.peers import left_out
from ..race import race
from ..report.section import Figures, Section
from ..ratios import Ratio


def cells(figures: Figures) -> list[str]:
    seconds = figures["seconds"]
    if OURS not in seconds:
        return [figures["case"], f"{1e3 * median(seconds[OURS_ON_GPU]):.3g}", "left out", ""]
    wrong = " LEARNS SOMETHING ELSE" if figures["something else"] else ""
    times = (f"{1e3 * median(seconds[name]):.3g}" for name in (OURS_ON_GPU, OURS))
    ratio = Ratio.of(seconds[OURS], seconds[OURS_ON_GPU])
    return [figures["case"], *times, f"{ratio}{wrong}"]


SECTION = Section(
    "cpu",
    "Ours on the CPU over ours on the GPU: epochs",
    ["problem, float32", "GPU, ms", "CPU, ms", "CPU / GPU"],
    ("mnist", "wide"),
    cells,
    left_out,
)


def measure(case: str, quick: bool) -> Figures:
    """Race on one problem."""
    return race(case, OURS_ON_GPU, (OURS,), quick)
