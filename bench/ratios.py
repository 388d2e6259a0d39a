"""Ratios of times that were taken in pairs."""

from statistics import median
from typing import NamedTuple


class Ratio(NamedTuple):
    """Median and range of a ratio over all pairs."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, above: list[float], below: list[float]) -> "Ratio":
        """Divide pair by pair, so that what slows both of a pair cancels."""
        every = [a / b for a, b in zip(above, below, strict=True)]
        return cls(median(every), min(every), max(every))

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def verdict(value: float, at_least: float | None = None, at_most: float | None = None) -> str:
    """A goal and whether it is met, or nothing where there is no goal."""
    if at_least is not None:
        return f">= {at_least:g} {'met' if value >= at_least else 'MISSED'}"
    if at_most is not None:
        return f"<= {at_most:g} {'met' if value <= at_most else 'MISSED'}"
    return ""
