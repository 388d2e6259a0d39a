"""Colours, panels, curves and bars that the pictures of a report share."""

import io
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from .section import Figures, Section

GREEN, *COLOURS = "#3a9a5b", "#2f6db3", "#e08a1e", "#c4453c", "#7d5ba6", "#8c6239", "#333333"
"""Ours is green in every picture that shows other libraries."""
GREY = "#8a8f98"
"""The colour of values that were not measured: a formula's, the text's or a floor's."""

MANY = 20
"""Bars with a ratio above this are drawn on a logarithmic axis."""

Line = Sequence[tuple[float, float]]
"""Points of a curve."""


def colours(names: Sequence[str], ours: str, floor: str = "") -> dict[str, str]:
    """Give each contestant its colour."""
    others = [name for name in names if name not in (ours, floor)]
    given = dict(zip(others, COLOURS, strict=False))
    return {**given, ours: GREEN, floor: GREY}


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
    """Put ticks at these values of a logarithmic axis, without exponents."""
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


def log_log(
    axes: Any, lines: Mapping[str, Line], colour: Mapping[str, str], dashed: Sequence[str] = ()
) -> None:
    """Draw curves on two logarithmic axes."""
    for name, points in lines.items():
        style = {"linestyle": ":"} if name in dashed else {"marker": "o"}
        axes.plot(*zip(*points, strict=True), color=colour[name], label=name, **style)
    axes.set(xscale="log", yscale="log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_major_locator().set_params(subs=(1, 2, 5), numticks=8)
        axis.set_major_formatter("{x:,g}")
        axis.set_ticks([], minor=True)


def against(
    figure: Any,
    lines: Mapping[str, Mapping[str, Line]],
    unit: str,
    colour: Mapping[str, str],
    dashed: Sequence[str],
) -> None:
    """Draw a panel of curves for each quantity that something depends on."""
    columns = 2 if len(lines) == 4 else len(lines)
    panels = figure.subplots(-(-len(lines) // columns), columns, sharey=True, squeeze=False)
    for axes, (quantity, curves) in zip(panels.flat, lines.items(), strict=True):
        log_log(axes, curves, colour, dashed)
        panel(axes, f"Against the {quantity}", quantity, "")
    for axes in panels[:, 0]:
        axes.set_ylabel(unit)
    legend(figure, panels[0, 0])


def bars(
    axes: Any,
    groups: Sequence[str],
    values: Mapping[str, Sequence[float | None]],
    colour: Mapping[str, str],
) -> None:
    """Draw a group of horizontal bars for each name, each with its value."""
    height = 0.8 / len(values)
    for place, (name, lengths) in enumerate(values.items()):
        known = [(at, value) for at, value in enumerate(lengths) if value is not None]
        drawn = axes.barh(
            [at + (place + 0.5) * height - 0.4 for at, _ in known],
            [value for _, value in known],
            height=0.9 * height,
            color=colour[name],
            label=name,
        )
        axes.bar_label(drawn, fmt="%.3g", padding=2, fontsize="small")
    axes.set(yticks=range(len(groups)), yticklabels=groups)
    axes.margins(x=0.15, y=0.02)
    if max(value for each in values.values() for value in each if value is not None) > MANY:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:,g}")
    axes.invert_yaxis()
    axes.axvline(1, color="black", linewidth=0.8)


def legend(figure: Any, axes: Any, columns: int = 4) -> None:
    """Name the colours once, below all axes."""
    below = {"loc": "outside lower center", "ncols": columns, "frameon": False, "fontsize": "small"}
    figure.legend(*axes.get_legend_handles_labels(), **below)


def svg(section: Section, rows: list[Figures]) -> bytes:
    """Draw a section, as SVG."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    assert section.draw is not None
    with rc_context({"svg.hashsalt": section.name}):  # the same figures make the same file
        figure, file = Figure(figsize=(8, 4.5), layout="constrained"), io.BytesIO()
        section.draw(figure, rows)
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()
