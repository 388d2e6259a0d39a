"""Each primitive beside what one core can do: its operations and bytes a second, and the roofs."""

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np
import threadpoolctl

from ...backends import select
from .. import primitives
from ..options import Options
from ..primitives import CALLS, SHAPES, Call, Draw, Shape
from ..problems import Array
from ..processes.own_process import own_process
from ..ratios import microseconds
from ..repeated import repeated
from ..report.pictures import COLOURS, GREEN, legend, panel
from ..report.section import Figures, Section

LAYERS = {"mid": SHAPES["mid"], "wide": Shape(1024, 2048, 2048, calls=1)}
"""A layer whose arrays fit a core's own caches, and one whose arrays do not."""
ROUNDS = 7
PRIMITIVES: dict[str, Callable[[Draw, Shape], Call]] = {}
for _name, _make in CALLS.items():
    PRIMITIVES.setdefault(_name.partition(",")[0], _make)
TOY = Shape(16, 8, 8, calls=2)
ROOFS = {
    "roof: products": Shape(1024, 1024, 1024, calls=1),
    "roof: cache": Shape(32, 1024, 0, calls=500),
    "roof: memory": Shape(32768, 1024, 0, calls=1),
}
"""A large matrix product; copies within a core's cache and beyond all caches."""


def _copy(draw: Draw, shape: Shape) -> Call:
    """All rows of a matrix, gathered in their order: a copy that the compiled loops make."""
    out = draw(shape.batch, shape.fan_in)
    order, cursor = np.arange(len(out)), np.zeros(1, dtype=np.int64)
    return Call("gather", (out.copy(), order, cursor, out), (out, out), 0)


def cases(options: Options) -> Sequence[str]:
    """The roofs, then each primitive on each layer."""
    layers = {"mid": LAYERS["mid"]} if options.quick else LAYERS
    return [*ROOFS, *(f"{name}, {layer}" for layer in layers for name in PRIMITIVES)]


def measure(case: str, quick: bool) -> Figures:
    """Time calls on one core."""
    name, _, layer = case.partition(", ")
    shape = TOY if quick else LAYERS[layer] if layer else ROOFS[name]
    call = _builder(name)(_drawn, shape)
    run = repeated(select("compiled", "cpu"), call, shape.calls)
    with threadpoolctl.threadpool_limits(1, "blas"):
        seconds = [each / shape.calls for each in _timed(run)]
    return {"case": case, "flops": call.flops, "bytes": call.bytes, "seconds": seconds}


def _builder(name: str) -> Callable[[Draw, Shape], Call]:
    """Return a function that makes the call of a primitive or of a roof."""
    if name == "roof: products":
        return primitives.weight_grad
    return PRIMITIVES.get(name, _copy)


def _drawn(*shape: int) -> Array:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def _timed(run: Callable[[], None]) -> list[float]:
    """Seconds of some runs after one that warms up."""
    run()
    found = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        run()
        found.append(time.perf_counter() - started)
    return found


def rates(figures: Figures) -> tuple[float, float]:
    """Return GFLOP and GB a second."""
    seconds = median(figures["seconds"])
    return figures["flops"] / seconds / 1e9, figures["bytes"] / seconds / 1e9


def cells(figures: Figures) -> list[str]:
    flops, moved = rates(figures)
    took = microseconds(figures["seconds"])
    return [figures["case"], took, f"{flops:.3g}" if flops else "", f"{moved:.3g}"]


def attained(rows: list[Figures]) -> dict[str, float]:
    """Say which part of its roof each primitive reaches in the caches."""
    found = {figures["case"]: figures for figures in rows}
    if not {"roof: products", "roof: cache"} <= found.keys():
        return {}
    peak = rates(found["roof: products"])[0]
    bandwidth = rates(found["roof: cache"])[1]
    parts = {}
    for case, figures in found.items():
        name, _, layer = case.partition(", ")
        if layer == "mid":
            flops, moved = rates(figures)
            parts[name] = max(flops / peak, moved / bandwidth)
    return parts


def conclusions(rows: list[Figures]) -> list[str]:
    """Fraction of its roof that each primitive reaches."""
    parts = attained(rows)
    said = ", ".join(f"{name} {part:.0%}" for name, part in parts.items())
    return [f"in a core's caches, of the roof above it each reaches: {said}"] if parts else []


def draw(figure: Any, rows: list[Figures]) -> None:
    """Operations a second against operations a byte, below the roofs."""
    figure.set_size_inches(8.5, 5.5)
    axes, found = figure.subplots(), {figures["case"]: figures for figures in rows}
    if all(roof in found for roof in ROOFS):
        (peak, _), (_, cache), (_, memory) = (rates(found[roof]) for roof in ROOFS)
        _draw_roofs(axes, peak, cache, memory)
    marks = {"mid": "o", "wide": "s"}
    computing = [name for name in PRIMITIVES if name != "gather"]
    palette = dict(zip(computing, (GREEN, *COLOURS), strict=True))
    for case, figures in found.items():
        name, _, layer = case.partition(", ")
        flops, moved = rates(figures)
        if layer and flops:
            label = name if layer == "mid" else None
            colour = palette[name]
            axes.plot(flops / moved, flops, marks[layer], color=colour, label=label)
    title = "Primitives on one core: circles fit its own caches, squares do not"
    panel(axes, title, "FLOP per byte", "GFLOP/s").set(xscale="log", yscale="log")
    legend(figure, axes)


def _draw_roofs(axes: Any, peak: float, cache: float, memory: float) -> None:
    """Draw a flat roof for the products and a slanted one for each memory."""
    intensity = np.geomspace(0.05, 2000, 200)
    for name, bandwidth, style, aside in (("cache", cache, ":", 8), ("memory", memory, "--", -14)):
        axes.plot(intensity, np.minimum(peak, bandwidth * intensity), style, color="#444444")
        _label(axes, f"{name} {bandwidth:.0f} GB/s", (0.06, 0.06 * bandwidth), aside)
    _label(axes, f"products {peak:.0f} GFLOP/s", (4, peak), 6)


def _label(axes: Any, text: str, point: tuple[float, float], above: int) -> None:
    axes.annotate(text, point, (8, above), textcoords="offset points", fontsize=8)


SECTION = Section(
    name="roofline",
    title="Each primitive beside what one core can do",
    about=(
        "A layer of 256 by 128 units with a batch of 256, whose arrays fit a core's own caches, "
        "and one of 2048 by 2048 with a batch of 1024, whose arrays do not; float32. Bytes are the "
        "least that have to be moved. The roofs are measured: a matrix product of 1024 x 1024 x "
        "1024, a copy within the caches, a copy beyond all of them."
    ),
    header=["primitive, layer", "microseconds", "GFLOP/s", "GB/s"],
    cases=cases,
    measuring=own_process(__name__),
    cells=cells,
    conclusions=conclusions,
    draw=draw,
)
