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
