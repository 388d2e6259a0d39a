"""What a gradient costs beside a forward pass."""

from statistics import median
from typing import Any

from ...backends import select
from ...kernels.formulas import Activation
from ..processes.own_process import own_process
from ..ratios import Ratio
from ..report.pictures import COLOURS, GREY, legend, panel, ticks_at
from ..report.section import Figures, Section, always
from .judging import NOT, verdict
from .networks import Passes, Plain
from .timing import in_turn

DEPTHS, WIDTHS, BATCH = (2, 4, 8, 16), (64, 256, 1024), 256
SIGMAS = {"relu": Activation.RELU, "tanh": Activation.TANH, "sigmoid": Activation.SIGMOID}
CASES = (
    *(f"{L} x {d} relu" for d in WIDTHS for L in DEPTHS),
    *(f"8 x 256 {sigma}" for sigma in ("tanh", "sigmoid")),
)
ABOUT_TWO, ROUNDED_TO_TWO = 2.25, 2.5
"""Forward passes, in the median: with a touch more than a forward pass for the backward one, and
what still rounds to two."""
A_TOUCH_MORE = 1.25
"""Forward passes that a backward pass may take at most to be "a touch more" than one."""
WHATEVER = 2.5
"""Largest over smallest cost that still counts as one, over a thousandfold of parameters."""


def measure(case: str, quick: bool) -> Figures:
    """Time the passes of one network in turn."""
    depth, _, width, sigma = case.split()
    L, d = int(depth), int(width)
    plain = Plain(L, d // 16 if quick else d, 16 if quick else BATCH, SIGMAS[sigma])
    backend = select("compiled", "cpu")
    passes = Passes(plain, backend)
    works = {"forward": passes.forward, "backward": passes.backward, "gradient": passes.gradient}
    return {
        "case": case,
        "depth": L,
        "width": plain.width,
        "activation": sigma,
        "seconds": in_turn(backend, works, quick),
        "flops": {"forward": plain.forward_flops, "backward": plain.backward_flops},
    }


def passes_of(figures: Figures, work: str) -> Ratio:
    """Cost of a piece of work, in forward passes."""
    return Ratio.of(figures["seconds"][work], figures["seconds"]["forward"])


def counted(figures: Figures) -> float:
    """Cost of a gradient by its multiplications, in forward passes."""
    return 1 + float(figures["flops"]["backward"] / figures["flops"]["forward"])


def cells(figures: Figures) -> list[str]:
    return [
        figures["case"],
        *(f"{1e3 * median(figures['seconds'][work]):.3g}" for work in ("forward", "backward")),
        *(str(passes_of(figures, work)) for work in ("backward", "gradient")),
        f"{counted(figures):.2f}",
    ]


def conclusions(rows: list[Figures]) -> list[str]:
    costs = [passes_of(figures, "gradient").median for figures in rows]
    backs = [passes_of(figures, "backward").median for figures in rows]
    counts = [counted(figures) for figures in rows]
    steady = max(costs) <= WHATEVER * min(costs)
    word = verdict(median(costs), ABOUT_TWO, ROUNDED_TO_TWO) if steady else NOT
    whatever = "steady" if steady else "not steady"
    touch = "a touch more at the most" if median(backs) <= A_TOUCH_MORE else "more than a touch"
    return [
        f"{word}: the text says two; one gradient costs {median(costs):.2f} forward passes in the "
        f"median of {len(rows)} networks, from {min(costs):.2f} to {max(costs):.2f}: "
        f"{whatever} over depths and widths",
        '"The backward pass costs about the same as the forward pass, sometimes a touch more": '
        f"{median(backs):.2f} times as much in the median, from {min(backs):.2f} to "
        f"{max(backs):.2f}, which is {touch}",
        f"By multiplications alone a gradient costs {min(counts):.2f} to {max(counts):.2f} forward "
        "passes: backward, a layer has two matrix products, one for the error below and one for "
        "its gradient; forward it has one",
    ]


def draw(figure: Any, rows: list[Figures]) -> None:
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    depths = sorted({figures["depth"] for figures in rows})
    for axes, work, text, most in ((left, "gradient", 2, 3), (right, "backward", 1, 2)):
        panel(axes, f"One {work}{' pass' * (axes is right)}", "layers, L", "cost in forward passes")
        axes.set_xscale("log", base=2)
        ticks_at(axes.xaxis, depths)
        axes.axhline(text, color=GREY, linestyle=":", label="the text")
        counts = [most - 1 / L for L in depths]
        axes.plot(depths, counts, color=GREY, linestyle="--", label="multiplications")
        _measured(axes, work, rows)
    left.set_ylim(bottom=0)
    right.set_ylabel("")
    legend(figure, left)


def _measured(axes: Any, work: str, rows: list[Figures]) -> None:
    """A line for each width with ReLU, a mark for each other activation."""
    kinds = dict.fromkeys((figures["activation"], figures["width"]) for figures in rows)
    for colour, (sigma, width) in zip(COLOURS, kinds, strict=False):
        mine = [f for f in rows if (f["activation"], f["width"]) == (sigma, width)]
        depths = [figures["depth"] for figures in mine]
        costs = [passes_of(figures, work).median for figures in mine]
        other = "" if sigma == "relu" else f", {sigma}"
        marker = "D" if other else "o"
        axes.plot(depths, costs, color=colour, marker=marker, label=f"d = {width:,}{other}")


SECTION = Section(
    name="gradient_cost",
    title="One gradient costs roughly two forward passes, whatever the depth and width",
    about=(
        "Forward pass, backward pass and both in one run, taken in turn: L layers of d units, "
        f"mini-batches of {BATCH}, float32, on the CPU, as many threads for each. Beside it the "
        "cost by counting the multiplications of the matrix products, 2BP forward and 4BP backward "
        "less the first layer's pull-back."
    ),
    header=[
        "L x d, activation",
        "forward, ms",
        "backward, ms",
        "backward / forward",
        "gradient / forward",
        "the same by multiplications",
    ],
    cases=always(*CASES),
    measuring=own_process(__name__),
    cells=cells,
    conclusions=conclusions,
    draw=draw,
)
