"""Times and their ratios in words: the median, and the range."""

from collections.abc import Callable, Sequence
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
        return ranged(self, "{:.2f}".format)


def number(value: float) -> str:
    """Say three digits or more, without an exponent where it is large."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def ranged(values: Sequence[float], say: Callable[[float], str] = number) -> str:
    """Say the median and the range."""
    return "{} ({} to {})".format(*(say(pick(values)) for pick in (median, min, max)))


def milliseconds(seconds: Sequence[float]) -> str:
    """Say the median and the range of times."""
    return ranged([1e3 * each for each in seconds])


def microseconds(seconds: Sequence[float]) -> str:
    """Say the median and the range of shorter times."""
    return ranged([1e6 * each for each in seconds])
