"""Cases that change one quantity at a time, such as "depth 4", and the curves that they give."""

from collections.abc import Callable, Mapping

from ..report.pictures import Line
from ..report.section import Figures


def cases_of(sweeps: Mapping[str, tuple[int, ...]]) -> list[str]:
    """Each quantity at each of its sizes."""
    return [f"{quantity} {size}" for quantity, sizes in sweeps.items() for size in sizes]


def curves(
    rows: list[Figures], values: Callable[[Figures], Mapping[str, float]]
) -> dict[str, dict[str, Line]]:
    """Values against the size, by quantity and by contestant."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for figures in rows:
        quantity, size = figures["case"].split()
        for name, value in values(figures).items():
            found.setdefault(quantity, {}).setdefault(name, []).append((int(size), value))
    return {quantity: dict(lines) for quantity, lines in found.items()}
