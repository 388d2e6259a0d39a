"""How many times as long as ours other contestants of a race take: on the whole, and as bars."""

from collections.abc import Sequence
from statistics import geometric_mean
from typing import Any

from .processes.race import ratio
from .report.pictures import bars, colours, legend, panel
from .report.section import Figures


def speedup(figures: Figures, ours: str, name: str) -> float | None:
    """Median ratio, of a contestant that was measured and has learnt the same."""
    if name not in figures["seconds"] or name in figures["something else"]:
        return None
    return ratio(figures, ours, name).median


def on_the_whole(rows: list[Figures], ours: str, name: str) -> tuple[float, int] | None:
    """Geometric mean over the rows that have such a ratio, and how many they are."""
    found = [each for figures in rows if (each := speedup(figures, ours, name)) is not None]
    return (geometric_mean(found), len(found)) if found else None


def draw_speedups(
    figure: Any, rows: list[Figures], ours: str, names: Sequence[str], title: str
) -> None:
    """Draw a group of bars for each row, of those that have a ratio anywhere."""
    every = {name: [speedup(figures, ours, name) for figures in rows] for name in names}
    values = {name: found for name, found in every.items() if any(found)}
    figure.set_size_inches(8, 1 + 0.22 * len(rows) * (len(values) + 1))
    axes = figure.subplots()
    bars(axes, [figures["case"] for figures in rows], values, colours(list(values), ours))
    panel(axes, title, "theirs / ours", "")
    legend(figure, axes)
