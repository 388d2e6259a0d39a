"""How many times as long as ours other contestants of a race take: on the whole, and as bars."""

from collections.abc import Sequence
from statistics import geometric_mean
from typing import Any

from .processes.race import ratio
from .report.pictures import bars, colours, legend, panel
from .report.section import Figures


def speedup(figures: Figures, ours: str, name: str) -> float | None:
    """Median ratio of a contestant, or None if it was not measured or learns something else."""
    if name not in figures["seconds"] or name in figures["something else"]:
        return None
    return ratio(figures, ours, name).median


def on_the_whole(rows: list[Figures], ours: str, name: str) -> tuple[float, int] | None:
    """Geometric mean over the rows that have a ratio, and the number of these rows."""
    found = [each for figures in rows if (each := speedup(figures, ours, name)) is not None]
    return (geometric_mean(found), len(found)) if found else None


def draw_speedups(
    figure: Any, rows: list[Figures], ours: str, names: Sequence[str], title: str
) -> None:
    """Draw a group of bars for each row; contestants without any ratio are left out."""
    every = {name: [speedup(figures, ours, name) for figures in rows] for name in names}
    values = {name: found for name, found in every.items() if any(found)}
    figure.set_size_inches(8, 1 + 0.22 * len(rows) * (len(values) + 1))
    axes = figure.subplots()
    bars(axes, [figures["case"] for figures in rows], values, colours(list(values), ours))
    panel(axes, title, "times as long as gpubackprop", "")
    legend(figure, axes)
