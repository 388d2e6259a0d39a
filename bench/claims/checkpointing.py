"""What activation checkpointing saves, and what it costs."""

from math import sqrt
from statistics import median
from typing import Any

import numpy as np

from ...backends import select
from ..processes.own_process import own_process
from ..ratios import Ratio
from ..report.pictures import COLOURS, GREY, band, panel, ticks_at
from ..report.section import Figures, Section, always
from .counting import allocated
from .judging import HOLDS, NOT, ROUGHLY
from .networks import Passes, Plain
from .timing import in_turn

DEPTHS, WIDTH, BATCH = (4, 9, 16, 25, 36, 49, 64), 256, 256
NEAR_THE_ROOT = 1.25
"""Times 2 sqrt(L) matrices at the deepest: errors and targets are measured with them."""
ONE_MORE_PASS = 1.5
"""Times as long: a forward pass more is a third, or half where a backward pass costs but one."""


def measure(case: str, quick: bool) -> Figures:
    """Time a gradient that keeps all activations and one with checkpoints in turn."""
    width, batch = (16, 8) if quick else (WIDTH, BATCH)
    backend = select("compiled", "cpu")
    kept = Plain(int(case), width, batch)
    plains = {"kept": kept, "checkpoints": kept._replace(checkpoint="sqrt")}
    passes = {name: Passes(plain, backend) for name, plain in plains.items()}
    seconds = in_turn(backend, {name: each.gradient for name, each in passes.items()}, quick)
    gradient, again = (each.grad.theta for each in passes.values())
    return {
        "case": case,
        "matrix": 4 * width * batch,
        "bytes": {name: allocated(plain) for name, plain in plains.items()},
        "equal": bool(np.array_equal(gradient, again) and gradient.any()),
        "seconds": seconds,
    }


def matrices(figures: Figures, way: str) -> float:
    """What is allocated, in activations of one layer."""
    return float(figures["bytes"][way] / figures["matrix"])


def over_root(figures: Figures) -> float:
    """What is allocated with checkpoints, over 2 sqrt(L)."""
    return matrices(figures, "checkpoints") / (2 * sqrt(int(figures["case"])))


def longer(figures: Figures) -> Ratio:
    """Time with checkpoints over that without."""
    return Ratio.of(figures["seconds"]["checkpoints"], figures["seconds"]["kept"])


def cells(figures: Figures) -> list[str]:
    return [
        figures["case"],
        *(f"{matrices(figures, way):.1f}" for way in ("kept", "checkpoints")),
        f"{2 * sqrt(int(figures['case'])):.1f}",
        f"{1e3 * median(figures['seconds']['kept']):.3g}",
        str(longer(figures)),
        "yes" if figures["equal"] else "NO",
    ]


def conclusions(rows: list[Figures]) -> list[str]:
    deepest = max(rows, key=lambda figures: int(figures["case"]))
    kept, fewer = (matrices(deepest, way) for way in ("kept", "checkpoints"))
    equal = all(figures["equal"] for figures in rows)
    times = [longer(figures).median for figures in rows]
    as_predicted = over_root(deepest) <= NEAR_THE_ROOT and median(times) <= ONE_MORE_PASS
    word = NOT if not equal or fewer >= kept else HOLDS if as_predicted else ROUGHLY
    return [
        f"{word}: with {deepest['case']} layers {fewer:.1f} matrices of B x d instead of "
        f"{kept:.1f}, {over_root(deepest):.2f} times 2 sqrt(L), for {longer(deepest)} times the "
        "time of a gradient",
        f"Over all depths it takes {min(times):.2f} to {max(times):.2f} times as long, median "
        f"{median(times):.2f}; the gradients are "
        + ("equal to the last bit" if equal else "NOT EQUAL"),
    ]


def draw(figure: Any, rows: list[Figures]) -> None:
    memory, time = figure.subplots(1, 2)
    depths = [int(figures["case"]) for figures in rows]
    panel(memory, "Memory of a mini-batch", "layers, L", "matrices of B x d")
    panel(time, "Time of a gradient", "layers, L", "times as long as without checkpoints")
    for way, colour in zip(("kept", "checkpoints"), COLOURS, strict=False):
        counts = [matrices(figures, way) for figures in rows]
        label = {"kept": "all kept", "checkpoints": "every sqrt(L)-th kept"}[way]
        memory.plot(depths, counts, color=colour, marker="o", label=label)
    roots = [2 * sqrt(L) for L in depths]
    memory.plot(depths, roots, color=GREY, linestyle=":", label="2 sqrt(L)")
    memory.set_ylim(bottom=0)
    memory.legend(frameon=False)
    band(time, depths, [list(longer(figures)) for figures in rows], COLOURS[1], "checkpoints")
    time.axhline(4 / 3, color=GREY, linestyle=":", label="four passes instead of three")
    time.set_ylim(bottom=0)
    time.legend(frameon=False, loc="lower right")
    for axes in (memory, time):
        ticks_at(axes.xaxis, depths)


SECTION = Section(
    name="checkpointing",
    title=(
        "Activation checkpointing keeps the activations of certain layers and recomputes the rest, "
        "trading computation for memory"
    ),
    about=(
        "Bytes that a workspace asks for, errors and targets among them, and the time of a "
        "gradient, with the activations of all layers kept and with those of every sqrt(L)-th, in "
        f"turn: {WIDTH} units a layer, mini-batches of {BATCH}, ReLU, float32, on the CPU."
    ),
    header=[
        "layers",
        "matrices, all kept",
        "with checkpoints",
        "2 sqrt(L)",
        "all kept, ms",
        "checkpoints / all kept, time",
        "same bits",
    ],
    cases=always(*map(str, DEPTHS)),
    measuring=own_process(__name__),
    cells=cells,
    conclusions=conclusions,
    draw=draw,
)
