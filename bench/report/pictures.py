"""What the pictures of a report have in common."""

from collections.abc import Mapping, Sequence
from typing import Any

OURS, FLOOR, *OTHERS = "#0b6e4f", "#9a9a9a", "#d1495b", "#3d5a98", "#e29e21", "#7b4b94", "#5c3d2e"
"""Colours: ours and the floor keep theirs in every picture."""

Line = Sequence[tuple[float, float]]
"""Points of a curve."""


def colours(names: Sequence[str], ours: str, floor: str = "") -> dict[str, str]:
    """Give each contestant its colour."""
    others = [name for name in names if name not in (ours, floor)]
    given = {name: OTHERS[i % len(OTHERS)] for i, name in enumerate(others)}
    return {**given, ours: OURS, floor: FLOOR}


def log_log(
    axes: Any, lines: Mapping[str, Line], colour: Mapping[str, str], dashed: Sequence[str] = ()
) -> None:
    """Draw curves on two logarithmic axes."""
    for name, points in lines.items():
        style = {"linestyle": "--"} if name in dashed else {"marker": "o", "markersize": 4}
        axes.plot(*zip(*points, strict=True), color=colour[name], label=name, **style)
    axes.set(xscale="log", yscale="log")
    axes.grid(alpha=0.25, which="major")


def bars(
    axes: Any,
    groups: Sequence[str],
    values: Mapping[str, Sequence[float | None]],
    colour: Mapping[str, str],
) -> None:
    """Draw a group of horizontal bars for each name, each with its value, on a logarithmic axis."""
    height = 0.8 / len(values)
    for place, (name, heights) in enumerate(values.items()):
        known = [(at, value) for at, value in enumerate(heights) if value is not None]
        drawn = axes.barh(
            [at + (place + 0.5) * height - 0.4 for at, _ in known],
            [value for _, value in known],
            height=0.9 * height,
            color=colour[name],
            label=name,
        )
        axes.bar_label(drawn, fmt="%.3g", padding=2, fontsize=8)
    axes.set(xscale="log", yticks=range(len(groups)), yticklabels=groups)
    axes.margins(x=0.15)
    axes.invert_yaxis()
    axes.axvline(1, color="black", linewidth=0.8)
    axes.grid(alpha=0.25, axis="x")


def legend(figure: Any, axes: Any, columns: int = 4) -> None:
    """Name the colours once, below all axes."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)
