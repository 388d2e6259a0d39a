"""What the claims' pictures have in common."""

from typing import Any

COLOURS = ("#2f6db3", "#e08a1e", "#3a9a5b", "#c4453c", "#7d5ba6")
GREY = "#8a8f98"
"""For what a formula or the text predicts."""
LEGEND: dict[str, Any] = {"frameon": False, "ncols": 9, "fontsize": "small", "columnspacing": 1.2}
"""In one line, outside the panels."""


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
