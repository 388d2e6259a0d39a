"""From figures to words: fitted exponents, and verdicts."""

from collections.abc import Sequence

import numpy as np

HOLDS, ROUGHLY, NOT = "Holds", "Holds roughly", "Does not hold"


def verdict(off: float, holds: float, roughly: float) -> str:
    """Say whether a claim holds that is off by this much."""
    if off <= holds:
        return HOLDS
    return ROUGHLY if off <= roughly else NOT


def exponent(x: Sequence[float], y: Sequence[float]) -> float:
    """The p of y ~ x^p: least squares of log y on log x."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def exponents(x: Sequence[float], seconds: Sequence[Sequence[float]]) -> list[float]:
    """The p of each round of measurements; `seconds` has those of all rounds at each x."""
    return [exponent(x, once) for once in zip(*seconds, strict=True)]
