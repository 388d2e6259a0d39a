"""Gradients by finite differences beside backpropagation."""

from math import log10
from statistics import median
from typing import Any

from ...backends import select
from ...kernels.formulas import Activation
from ..processes.own_process import own_process
from ..ratios import Ratio
from ..report.pictures import COLOURS, GREY, beside, panel
from ..report.section import Figures, Section, always
from .differences import EPSILON, Differences
from .judging import NOT, verdict
from .networks import Passes, Plain
from .timing import in_turn

DEPTH, WIDTHS, BATCH = 4, (16, 50, 158, 500), 32
MILLION = 1_000_000
FIVE, NEARLY_FIVE = 5.0, 4.7
"""Orders of magnitude: what the text says, and half of that factor."""
AGREE = 1e-4
"""Largest difference to a sampled derivative, in units of the largest of them."""


def measure(case: str, quick: bool) -> Figures:
    """Time a gradient, a forward pass and differences of sampled parameters in turn."""
    width = int(case) // 8 if quick else int(case)
    plain = Plain(DEPTH, width, BATCH, Activation.TANH, "float64")
    backend = select("compiled", "cpu")
    passes = Passes(plain, backend)
    differences = Differences(passes)
    works = {
        "gradient": passes.gradient,
        "forward": passes.forward,
        "difference": differences.sample,
    }
    seconds = in_turn(backend, works, quick)
    sampled, error = len(differences.found), differences.worst
    shape = {"parameters": plain.parameters, "sampled": sampled, "error": error}
    return {"case": case, **shape, "seconds": seconds}


def slower(figures: Figures) -> Ratio:
    """How many times as long as backpropagation all parameters' differences would take."""
    seconds = figures["seconds"]
    ratio = Ratio.of(seconds["difference"], seconds["gradient"])
    return Ratio(*(figures["parameters"] * value for value in ratio))


def forward_passes(figures: Figures) -> float:
    """Cost of one parameter's difference."""
    return Ratio.of(figures["seconds"]["difference"], figures["seconds"]["forward"]).median


def cells(figures: Figures) -> list[str]:
    one, gradient = (median(figures["seconds"][work]) for work in ("difference", "gradient"))
    ratio = slower(figures)
    return [
        f"{figures['parameters']:,}",
        f"{1e3 * gradient:.3g}",
        f"{1e3 * one:.3g}",
        f"{forward_passes(figures):.2f}",
        f"{one * figures['parameters']:,.3g}",
        f"{ratio.median:,.0f} ({ratio.low:,.0f} to {ratio.high:,.0f})",
        f"{figures['error']:.0e} of {figures['sampled']:,}",
    ]


def conclusions(rows: list[Figures]) -> list[str]:
    largest = max(rows, key=lambda figures: int(figures["parameters"]))
    orders = log10(slower(largest).median * MILLION / largest["parameters"])
    worst = max(figures["error"] for figures in rows)
    word = verdict(-orders, -FIVE, -NEARLY_FIVE) if worst <= AGREE else NOT
    return [
        f"{word}: at a million parameters finite differences are slower by {orders:.1f} orders of "
        f"magnitude ({10**orders:,.0f} times), going by {largest['sampled']:,} of "
        f"{largest['parameters']:,} parameters; the rest is extrapolated",
        f"A parameter costs {forward_passes(largest):.2f} forward passes there; in small networks "
        "more, as Python's calls are in it",
        f"The sampled differences and the gradient are {worst:.0e} apart at the most, in units of "
        "the largest derivative",
    ]


def draw(figure: Any, rows: list[Figures]) -> None:
    title = "All derivatives by finite differences, beside backpropagation"
    axes = panel(figure.subplots(), title, "parameters, P", "times as slow")
    axes.set(xscale="log", yscale="log")
    parameters = [figures["parameters"] for figures in rows]
    ratios = [slower(figures).median for figures in rows]
    three = [P / 3 for P in parameters]
    axes.axhline(10**FIVE, color=GREY, linewidth=0.8)
    axes.plot(parameters, three, color=GREY, linestyle=":", label="P / 3")
    axes.plot(parameters, ratios, color=COLOURS[0], marker="o", label="measured, extrapolated to P")
    for P, ratio in zip(parameters, ratios, strict=True):
        beside(axes, P, ratio, f"{ratio:,.0f}", COLOURS[0], xytext=(-8, 8), ha="right")
    beside(axes, parameters[0], 10**FIVE, "five orders of magnitude", GREY, xytext=(0, 7))
    axes.margins(x=0.12)
    axes.legend(frameon=False, loc="lower right")


SECTION = Section(
    name="finite_differences",
    title=(
        "Finite differences cost one forward pass per parameter: at a million parameters more than "
        "five orders of magnitude slower than backpropagation"
    ),
    about=(
        f"(L(w + {EPSILON:g}) - L(w)) / {EPSILON:g} of parameters drawn at random, beside one "
        f"gradient of all of them, in turn: {DEPTH} layers, mini-batches of {BATCH}, tanh, "
        "float64, on the CPU. The time for all parameters is extrapolated from those sampled."
    ),
    header=[
        "parameters",
        "gradient, ms",
        "a difference, ms",
        "in forward passes",
        "all of them, s",
        "over backpropagation",
        "largest error",
    ],
    cases=always(*map(str, WIDTHS)),
    measuring=own_process(__name__),
    cells=cells,
    conclusions=conclusions,
    draw=draw,
)
