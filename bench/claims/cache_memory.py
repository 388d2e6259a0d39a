"""What the passes keep in memory."""

from typing import Any

from ..processes.own_process import own_process
from ..report.pictures import COLOURS, GREY, panel, ticks_at
from ..report.section import Figures, Section, always
from .counting import allocated
from .judging import exponent, verdict
from .networks import Plain

FIELDS = {"B": "batch", "d": "width", "L": "depth"}
"""What is changed, as the text calls it and as we do."""
MIDDLE, QUICK_MIDDLE = Plain(depth=32, width=256, batch=256), Plain(8, 8, 8)
FACTORS = (0.125, 0.25, 0.5, 1, 2, 4, 8)
"""By which one of the three is changed, the others staying as they are."""
PROPORTIONAL, NEARLY = 0.05, 0.15
"""How far exponents may be from 1: a factor of 1.2 and of 1.9 over all that is changed."""


def measure(case: str, quick: bool) -> Figures:
    """Allocate workspaces that differ in B, d or L."""
    middle, field = QUICK_MIDDLE if quick else MIDDLE, FIELDS[case]
    values = [int(factor * getattr(middle, field)) for factor in FACTORS]
    changes: list[dict[str, Any]] = [{field: value} for value in values]
    plains = [middle._replace(**change) for change in changes]
    return {
        "case": case,
        "values": values,
        "bytes": [allocated(plain) for plain in plains],
        "formula": [2 * 4 * plain.batch * plain.width * plain.depth for plain in plains],
    }


def power(figures: Figures) -> float:
    """Exponent of what is changed."""
    return exponent(figures["values"], figures["bytes"])


def cells(figures: Figures) -> list[str]:
    values, sizes = figures["values"], figures["bytes"]
    over = [size / formula for size, formula in zip(sizes, figures["formula"], strict=True)]
    return [
        figures["case"],
        f"{values[0]:,} to {values[-1]:,}",
        f"{sizes[0] / 2**20:,.3g} to {sizes[-1] / 2**20:,.3g}",
        f"{power(figures):.3f}",
        f"{min(over):.3f} to {max(over):.3f}",
    ]


def conclusions(rows: list[Figures]) -> list[str]:
    off = max(abs(power(figures) - 1) for figures in rows)
    powers = ", ".join(f"{figures['case']}^{power(figures):.3f}" for figures in rows)
    last = rows[-1]
    return [
        f"{verdict(off, PROPORTIONAL, NEARLY)}: what is allocated for a mini-batch grows as "
        f"{powers}",
        f"At {last['case']} = {last['values'][-1]:,} it is "
        f"{last['bytes'][-1] / last['formula'][-1]:.3f} times the text's B d numbers for each z "
        "and each a: z is overwritten by a, in whose terms the derivatives of the activations are "
        "written, and the errors take as much; inputs and targets are what is added",
    ]


def draw(figure: Any, rows: list[Figures]) -> None:
    panels = figure.subplots(1, len(rows), sharey=True, squeeze=False)[0]
    names = {"B": "examples, B", "d": "units of a layer, d", "L": "layers, L"}
    for axes, colour, figures in zip(panels, COLOURS, rows, strict=False):
        x = figures["values"]
        panel(axes, f"bytes ~ {figures['case']}^{power(figures):.2f}", names[figures["case"]], "")
        axes.set_xscale("log", base=2)
        axes.set_yscale("log", base=2)
        ticks_at(axes.xaxis, x[::2])
        formula = [size / 2**20 for size in figures["formula"]]
        axes.plot(x, formula, color=GREY, linestyle=":", label="2 B d L numbers")
        sizes = [size / 2**20 for size in figures["bytes"]]
        axes.plot(x, sizes, color=colour, marker="o", linestyle="none", label="allocated")
    panels[0].set_ylabel("MiB")
    panels[0].yaxis.set_major_formatter("{x:g}")
    panels[0].legend(frameon=False)


SECTION = Section(
    name="cache_memory",
    title="The memory for caching grows in proportion to B x d x L",
    about=(
        "Bytes that a workspace of our training asks for, float32, where one of B, d and L is "
        f"changed and the others stay at {MIDDLE.batch} examples, {MIDDLE.width} units a layer, "
        f"{MIDDLE.depth} layers. The formula is 2 B d L numbers, a z and an a of each unit and "
        "example."
    ),
    header=["changed", "from, to", "MiB", "exponent", "over the formula"],
    cases=always(*FIELDS),
    measuring=own_process(__name__),
    cells=cells,
    conclusions=conclusions,
    draw=draw,
)
