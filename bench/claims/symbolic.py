"""Sizes of formulas that symbolic differentiation writes."""

from typing import Any

from ..processes.own_process import own_process
from ..report.pictures import COLOURS, GREY, beside, panel
from ..report.section import Figures, Section, always
from .formula import difference, reverse_mode, written_out
from .judging import HOLDS, NOT, ROUGHLY, exponent
from .peer import peer

DEEPEST = {"1": 16, "2": 8, "3": 6}
"""Layers that take seconds, by the units of a layer."""
QUICK_DEEPEST = 3
CHECKED = 2
"""Depth at which the formula's value is compared with backpropagation's."""
EXPONENTIAL = 1.5
"""Factor from the last depth but one to the last: a quadratic reaches 1.44 from 5 to 6 layers."""
AGREE = 1e-12
"""Relative error between the formula's value and backpropagation's, both in float64."""


def measure(case: str, quick: bool) -> Figures:
    """Count the operations of the loss, of one derivative and of backpropagation, by depth."""
    sympy, width = peer("sympy"), int(case)
    depths = range(1, (QUICK_DEEPEST if quick else DEEPEST[case]) + 1)
    formulas, derivatives, error = [], [], 0.0
    for depth in depths:
        loss, network = written_out(sympy, depth, width)
        derivative = sympy.diff(loss, network["W1"][0, 0])
        formulas.append(int(sympy.count_ops(loss)))
        derivatives.append(int(sympy.count_ops(derivative)))
        if depth == CHECKED:
            error = difference(derivative, network, depth, width)
    return {
        "case": case,
        "depths": list(depths),
        "formula": formulas,
        "derivative": derivatives,
        "reverse mode": [reverse_mode(depth, width) for depth in depths],
        "error": error,
    }


def growth(figures: Figures) -> float:
    """Factor by which the last layer has made the derivative longer."""
    *_, before, last = figures["derivative"]
    return float(last / before)


def cells(figures: Figures) -> list[str]:
    last = [f"{figures[what][-1]:,}" for what in ("formula", "derivative", "reverse mode")]
    return [figures["case"], str(figures["depths"][-1]), *last, f"{growth(figures):.2f}"]


def conclusions(rows: list[Figures]) -> list[str]:
    layers = [figures for figures in rows if figures["case"] != "1"]
    if not layers:
        return []
    swelling = [growth(figures) >= EXPONENTIAL for figures in layers]
    word = HOLDS if all(swelling) else ROUGHLY if any(swelling) else NOT
    by_width = ", ".join(f"{growth(f):.2f} with {f['case']} units a layer" for f in layers)
    lines = [
        f"{word}: each layer multiplies the length of one derivative by {by_width}; "
        "backpropagation's operations, which give all derivatives, grow in proportion to the depth",
        *(_chain(figures) for figures in rows if figures["case"] == "1"),
    ]
    worst = max(figures["error"] for figures in rows)
    same = "the same" if worst <= AGREE else "DIFFERENT"
    return [
        *lines,
        f"At depth {CHECKED} formula and backpropagation give {same} values: {worst:.0e}",
    ]


def _chain(figures: Figures) -> str:
    half = len(figures["depths"]) // 2
    power = exponent(figures["depths"][half:], figures["derivative"][half:])
    return (
        f"In a chain of single units no path is written out twice: there it grows as L^{power:.1f}"
    )


def draw(figure: Any, rows: list[Figures]) -> None:
    title = "Operations of the derivative by one weight, written as a formula"
    axes = panel(figure.subplots(), title, "layers, L", "operations")
    axes.set_yscale("log")
    axes.xaxis.get_major_locator().set_params(integer=True)
    for colour, figures in zip(COLOURS, rows, strict=False):
        x, y, units = figures["depths"], figures["derivative"], figures["case"]
        axes.plot(x, y, color=colour, marker="o")
        axes.plot(x, figures["reverse mode"], color=colour, linestyle="--")
        words = f"{units} unit{'s' * (units != '1')} a layer"
        beside(axes, x[-1], y[-1], words, colour)
    axes.plot([], [], color=GREY, marker="o", label="one derivative, as a formula")
    axes.plot([], [], color=GREY, linestyle="--", label="all of them, by backpropagation")
    axes.margins(x=0.15)
    axes.legend(frameon=False, loc="lower right")


SECTION = Section(
    name="symbolic",
    title="Symbolic differentiation writes formulas whose size grows exponentially with depth",
    about=(
        "SymPy's count of operations in the loss of sigmoid layers, written as one formula, and in "
        "its derivative by the first weight alone; beside them the operations of backpropagation, "
        "which give the derivatives by all weights."
    ),
    header=[
        "units a layer",
        "layers",
        "operations: loss",
        "one derivative",
        "backpropagation, all",
        "growth by the last layer",
    ],
    cases=always(*DEEPEST),
    measuring=own_process(__name__),
    cells=cells,
    conclusions=conclusions,
    draw=draw,
)
