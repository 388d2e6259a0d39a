"""What the claims' pictures have in common."""

from statistics import median
from typing import Any

COLOURS = ("#2f6db3", "#e08a1e", "#3a9a5b", "#c4453c", "#7d5ba6")
GREY = "#8a8f98"
"""For what a formula or the text predicts."""


def panel(axes: Any, title: str, x: str, y: str) -> Any:
    """Set a panel up: its words, a faint grid, no frame."""
    axes.set_title(title, loc="left", fontsize="medium")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def ticks_at(axis: Any, values: list[int]) -> None:
    """Mark these values of a logarithmic axis, written out."""
    axis.set_ticks(values, [f"{value:,}" for value in values])
    axis.set_ticks([], minor=True)


def beside(axes: Any, x: float, y: float, words: str, colour: str, **where: Any) -> None:
    """Write words beside a point, to its right unless told otherwise."""
    place = {"xytext": (8, 0), "va": "center", **where}
    axes.annotate(words, (x, y), textcoords="offset points", color=colour, **place)


def band(
    axes: Any, x: list[int], y: list[list[float]], colour: str, label: str = ""
) -> list[float]:
    """Draw the medians of what was measured at each x, and its range; return the medians."""
    medians = [median(values) for values in y]
    axes.fill_between(x, list(map(min, y)), list(map(max, y)), color=colour, alpha=0.2, linewidth=0)
    axes.plot(x, medians, color=colour, marker="o", label=label)
    return medians
