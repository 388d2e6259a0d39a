"""Epochs of other libraries, and of the bare matrix products, beside ours on the CPU."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import product
from typing import Any

from ..contestants import COMPARED, FLOOR, OURS
from ..goals import AT_LEAST, FLOOR_AT_MOST, Row, at_least, at_most
from ..options import Options
from ..problems import PROBLEMS
from ..processes.race import Race, ratio, remarks
from ..ratios import milliseconds
from ..report.section import Figures, Measure, Section
from ..speedups import draw_speedups, on_the_whole

OTHERS = [name for name in COMPARED if name != FLOOR]


def cases(options: Options) -> Sequence[str]:
    """Every problem in every type with every activation."""
    return [" ".join(row) for row in product(options.problems, options.dtypes, options.activations)]


@contextmanager
def measuring(options: Options) -> Iterator[Measure]:
    """Race on each problem."""
    with Race(OURS, options.peers, options) as race:

        def measure(case: str) -> Figures:
            name, dtype, activation = case.split()
            return race.run(case, PROBLEMS[name], dtype, activation)

        yield measure


def cells(figures: Figures) -> list[str]:
    ours = milliseconds(figures["seconds"][OURS])
    return [figures["case"], ours, *(_cell(figures, name) for name in COMPARED)]


def _cell(figures: Figures, name: str) -> str:
    return str(ratio(figures, OURS, name)) if name in figures["seconds"] else ""


def conclusions(rows: list[Figures]) -> list[str]:
    """Say geometric means over the rows, goals that are missed, remarks."""
    means = {name: on_the_whole(rows, OURS, name) for name in OTHERS}
    said = [f"{name} {found[0]:.2f}" for name, found in means.items() if found]
    whole = f"times as long as ours, geometric means over the rows: {', '.join(said)}"
    return [*([whole] if said else []), *_against_goals(rows), *remarks(rows)]


def _against_goals(rows: list[Figures]) -> list[str]:
    said = {name: found for figures in rows for name, found in _goals(figures).items()}
    missed = [f"{name}: {found}" for name, found in said.items() if found.endswith("MISSED")]
    goals = [f"{len(said) - len(missed)} of the project's {len(said)} goals for these rows are met"]
    return ["; ".join([*goals, *missed])] if said else []


def _goals(figures: Figures) -> dict[str, str]:
    """Judge ratios that have a goal; toy sizes have none."""
    name, dtype, activation = figures["case"].split()
    if figures["problem"]["rows"] != PROBLEMS[name].rows:
        return {}
    row = Row(name, dtype, activation)
    goals = {who: partial(at_least, goal) for who, goal in AT_LEAST.get(row, {}).items()}
    if row in FLOOR_AT_MOST:
        goals[FLOOR] = partial(at_most, FLOOR_AT_MOST[row])
    medians = {who: ratio(figures, OURS, who).median for who in goals if who in figures["seconds"]}
    return {
        f"{figures['case']}, {who}": f"{value:.2f}, goal {goals[who](value)}"
        for who, value in medians.items()
    }


def draw(figure: Any, rows: list[Figures]) -> None:
    """Draw how many times as long the others take."""
    draw_speedups(figure, rows, OURS, OTHERS, "Time of an epoch over ours")


SECTION = Section(
    name="epochs",
    title="Epochs of other libraries on the CPU over ours",
    about=(
        "All start from scikit-learn's weights and go through the rows in its order; losses of the "
        "first epoch must agree. Ratios are medians (and ranges) of pairs taken in turn; that "
        "of the floor is ours over the bare matrix products of an epoch."
    ),
    header=[
        "problem",
        "ours, ms",
        *(f"{n}{' below ours' if n == FLOOR else ''}" for n in COMPARED),
    ],
    cases=cases,
    measuring=measuring,
    cells=cells,
    conclusions=conclusions,
    draw=draw,
)
