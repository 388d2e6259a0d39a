"""How the cost of a gradient grows with the number of parameters."""

from statistics import median
from typing import Any

from ...backends import select
from ..processes.own_process import own_process
from ..ratios import ranged
from ..report.pictures import COLOURS, GREY, band, panel
from ..report.section import Figures, Section, always
from .judging import exponents, verdict
from .networks import Passes, Plain
from .timing import in_turn

BATCH = 256
SERIES = {
    "wider": [(4, d) for d in (32, 64, 128, 256, 512, 1024)],
    "deeper": [(L, 256) for L in (2, 4, 8, 16, 32, 64)],
}
"""Depth and width of the networks in each case."""
LINEAR = 0.1
"""How far an exponent may be from 1: a factor of 1.6 over two orders of magnitude."""
ROUGHLY_LINEAR = 0.25
"""Near enough to rule out a quadratic cost, or one that grows with the square root."""


def measure(case: str, quick: bool) -> Figures:
    """Time a gradient of each network in turn."""
    backend = select("compiled", "cpu")
    shapes = [(L, d // 8) for L, d in SERIES[case][:4]] if quick else SERIES[case]
    plains = {f"{L} x {d}": Plain(L, d, 16 if quick else BATCH) for L, d in shapes}
    works = {name: Passes(plain, backend).gradient for name, plain in plains.items()}
    seconds = in_turn(backend, works, quick)
    return {
        "case": case,
        "networks": list(plains),
        "parameters": [plain.parameters for plain in plains.values()],
        "seconds": list(seconds.values()),
    }


def upper(figures: Figures) -> list[float]:
    """Exponents over the larger half of the networks."""
    half = len(figures["parameters"]) // 2
    return exponents(figures["parameters"][half:], figures["seconds"][half:])


def cells(figures: Figures) -> list[str]:
    networks, parameters = figures["networks"], figures["parameters"]
    return [
        figures["case"],
        f"{networks[0]} to {networks[-1]}",
        f"{parameters[0]:,} to {parameters[-1]:,}",
        " to ".join(f"{1e3 * median(figures['seconds'][i]):.3g}" for i in (0, -1)),
        ranged(exponents(parameters, figures["seconds"]), "{:.2f}".format),
        ranged(upper(figures), "{:.2f}".format),
    ]


def conclusions(rows: list[Figures]) -> list[str]:
    fitted = [median(exponents(f["parameters"], f["seconds"])) for f in rows]
    worst = max(abs(p - 1) for p in fitted)
    series = ", ".join(
        f"P^{p:.2f} where the network gets {f['case']} ({f['parameters'][0]:,} to "
        f"{f['parameters'][-1]:,} parameters)"
        for p, f in zip(fitted, rows, strict=True)
    )
    larger = ", ".join(f"P^{median(upper(f)):.2f} {f['case']}" for f in rows)
    return [
        f"{verdict(worst, LINEAR, ROUGHLY_LINEAR)}: a gradient takes a time ~ {series}",
        f"Over the larger half alone: {larger}; in narrow networks what is done for each unit, "
        "not for each weight, weighs more",
    ]


def draw(figure: Any, rows: list[Figures]) -> None:
    axes = panel(
        figure.subplots(), "Time of one gradient", "parameters, P", "seconds (median and range)"
    )
    axes.set(xscale="log", yscale="log")
    for colour, figures in zip(COLOURS, rows, strict=False):
        x = figures["parameters"]
        power = median(exponents(x, figures["seconds"]))
        networks = f"{figures['networks'][0]} to {figures['networks'][-1]}"
        label = f"{figures['case']}: {networks}, P^{power:.2f}"
        y = band(axes, x, figures["seconds"], colour, label)
        axes.plot(x, [y[-1] * P / x[-1] for P in x], color=GREY, linestyle=":", zorder=0)
    axes.plot([], [], color=GREY, linestyle=":", label="proportional to P")
    axes.legend(frameon=False)


SECTION = Section(
    name="linear_cost",
    title="The cost is linear in the number of parameters",
    about=(
        "The time of one gradient over networks that get wider or deeper, taken in turn: "
        f"mini-batches of {BATCH}, ReLU, float32, on the CPU. The exponent p of P^p is fitted by "
        "least squares of the logarithms, in each round; its median and range."
    ),
    header=["networks get", "L x d", "parameters", "ms", "exponent", "of the larger half"],
    cases=always(*SERIES),
    measuring=own_process(__name__),
    cells=cells,
    conclusions=conclusions,
    draw=draw,
)
