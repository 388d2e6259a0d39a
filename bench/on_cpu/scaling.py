"""Time of an epoch against the width, the depth, the batch and the rows, with the floor below."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..contestants import FLOOR, OURS
from ..options import Options
from ..problems import Problem
from ..processes.race import Race, remarks, times
from ..ratios import Ratio, milliseconds
from ..report.pictures import against, colours
from ..report.section import Figures, Measure, Section
from .sweeps import cases_of, curves

BASE = Problem("scaling", rows=4096, features=128, classes=10, hidden=(256, 256), batch=256)
SWEEPS = {
    "width": (16, 64, 256, 1024),
    "depth": (1, 2, 4, 8, 16),
    "batch": (16, 64, 256, 1024, 4096),
    "rows": (512, 2048, 8192, 32768),
}
"""Sizes of each quantity that is varied; the others stay as in BASE."""
BESIDE = ("scikit_learn", "torch_eager", FLOOR)
"""Contestants whose curves are drawn beside ours, if they were measured."""


def problem(case: str) -> Problem:
    """The base problem with one quantity changed."""
    quantity, value = case.split()
    size = int(value)
    changes: dict[str, dict[str, Any]] = {
        "width": {"hidden": (size, size)},
        "depth": {"hidden": (128,) * size},
        "batch": {"batch": size},
        "rows": {"rows": size},
    }
    return BASE._replace(**changes[quantity])


def cases(options: Options) -> Sequence[str]:
    """Each quantity at each of its sizes; in the quick form two of them."""
    return cases_of({"width": (8, 16)} if options.quick else SWEEPS)


@contextmanager
def measuring(options: Options) -> Iterator[Measure]:
    """Race along each sweep."""
    beside = tuple(name for name in BESIDE if name in options.peers)
    with Race(OURS, beside, options) as race:
        yield lambda case: race.run(case, problem(case), "float32", "relu")


def cells(figures: Figures) -> list[str]:
    every = (figures["seconds"].get(name) for name in (OURS, *BESIDE))
    return [figures["case"], *(milliseconds(seconds) if seconds else "" for seconds in every)]


def conclusions(rows: list[Figures]) -> list[str]:
    """Say how far each contestant is above the floor, then remarks."""
    above = {name: _above_floor(rows, name) for name in (OURS, *BESIDE[:-1])}
    said = [f"{n} {min(times):.2f} to {max(times):.2f}" for n, times in above.items() if times]
    return [*([f"times the floor: {', '.join(said)}"] if said else []), *remarks(rows)]


def _above_floor(rows: list[Figures], name: str) -> list[float]:
    """A contestant's times over the floor's, where both were measured."""
    every = (figures["seconds"] for figures in rows)
    return [Ratio.of(s[name], s[FLOOR]).median for s in every if name in s and FLOOR in s]


def draw(figure: Any, rows: list[Figures]) -> None:
    """Draw a panel for each quantity, all with the same times."""
    lines = curves(rows, times)
    colour = colours((OURS, *BESIDE), OURS, FLOOR)
    figure.set_size_inches(9, 7 if len(lines) > 2 else 4)
    against(figure, lines, "ms an epoch", colour, dashed=(FLOOR,))


SECTION = Section(
    name="scaling",
    title="Time of an epoch against width, depth, batch and rows",
    about=(
        f"{BASE.rows} rows of {BASE.features} features, hidden layers {BASE.hidden} (of 128 units "
        f"where the depth varies), batches of {BASE.batch}, float32 and ReLU, one of them changed "
        "at a time. The floor is an epoch's matrix products alone. Milliseconds, medians."
    ),
    header=["changed", "ours, ms", *(f"{name}, ms" for name in BESIDE)],
    cases=cases,
    measuring=measuring,
    cells=cells,
    conclusions=conclusions,
    draw=draw,
)
