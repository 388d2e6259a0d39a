"""Examples a second, by the size of the mini-batch."""

from statistics import median
from typing import Any

from ...backends import select
from ..processes.own_process import own_process
from ..processes.service import decline
from ..report.pictures import COLOURS, band, beside, panel, ticks_at
from ..report.section import Figures, Section, always
from .judging import verdict
from .networks import Passes, Plain
from .timing import in_turn

DEPTH, WIDTH = 4, 1024
BATCHES = tuple(4**n for n in range(7))
MUCH, SOMEWHAT = 4.0, 1.5
"""Times as many examples a second as one by one: two doublings are much, half as many more are
not."""


def measure(case: str, quick: bool) -> Figures:
    """Time a gradient of each mini-batch in turn."""
    try:
        backend = select("auto", case)
    except RuntimeError as reason:
        decline(str(reason))
    depth, width, batches = (2, 32, BATCHES[:4]) if quick else (DEPTH, WIDTH, BATCHES)
    plains = {str(B): Plain(depth, width, B) for B in batches}
    works = {B: Passes(plain, backend).gradient for B, plain in plains.items()}
    seconds = in_turn(backend, works, quick)
    return {
        "case": case,
        "batches": list(batches),
        "flops": [plain.forward_flops + plain.backward_flops for plain in plains.values()],
        "seconds": list(seconds.values()),
    }


def speeds(figures: Figures) -> list[float]:
    """Examples a second."""
    pairs = zip(figures["batches"], figures["seconds"], strict=True)
    return [B / median(seconds) for B, seconds in pairs]


def gain(figures: Figures) -> float:
    """The most examples a second over those one by one."""
    every = speeds(figures)
    return max(every) / every[0]


def cells(figures: Figures) -> list[str]:
    every = speeds(figures)
    best = every.index(max(every))
    flops = [f / median(s) for f, s in zip(figures["flops"], figures["seconds"], strict=True)]
    return [
        figures["case"],
        f"{every[0]:,.0f}",
        f"{every[best]:,.0f} at B = {figures['batches'][best]:,}",
        f"{gain(figures):.1f}",
        f"{flops[0] / 1e9:,.3g}",
        f"{flops[best] / 1e9:,.3g}",
    ]


def conclusions(rows: list[Figures]) -> list[str]:
    word = verdict(-min(map(gain, rows)), -MUCH, -SOMEWHAT)
    gains = ", ".join(f"{gain(figures):.1f} times on {figures['case']}" for figures in rows)
    lines = [f"{word}: mini-batches give more examples a second than one by one, {gains}"]
    if all(figures["case"] != "cuda" for figures in rows):
        lines.append("The text says so of a GPU, and none was measured")
    return lines


def draw(figure: Any, rows: list[Figures]) -> None:
    title = "Gradients computed, by the size of the mini-batch"
    axes = panel(figure.subplots(), title, "examples in a mini-batch, B", "examples a second")
    axes.set_xscale("log", base=4)
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    ticks_at(axes.xaxis, max((figures["batches"] for figures in rows), key=len))
    for colour, figures in zip(COLOURS, rows, strict=False):
        x = figures["batches"]
        every = [[B / s for s in seconds] for B, seconds in zip(x, figures["seconds"], strict=True)]
        y = band(axes, x, every, colour)
        name = {"cpu": "CPU", "cuda": "GPU"}[figures["case"]]
        beside(axes, x[-1], y[-1], name, colour)
    axes.margins(x=0.08)


SECTION = Section(
    name="batch_size",
    title=(
        "We process a mini-batch of B examples in parallel because matrix multiplication is much "
        "faster per flop at large sizes"
    ),
    about=(
        "Examples a second of one gradient after the other, the sizes of the mini-batch in turn: "
        f"{DEPTH} layers of {WIDTH} units, ReLU, float32, on the CPU and, where one works, on a "
        "GPU."
    ),
    header=[
        "device",
        "one by one, per s",
        "at best, per s",
        "gain",
        "GFLOP/s one by one",
        "at best",
    ],
    cases=always("cpu", "cuda"),
    measuring=own_process(__name__),
    cells=cells,
    conclusions=conclusions,
    draw=draw,
)
