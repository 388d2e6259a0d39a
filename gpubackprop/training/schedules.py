"""Learning rates of an epoch's batches, as a function of how far training has come."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..algorithm.parameters import Array

Factor = Callable[[float], float]
"""Share of the learning rate at a progress from 0, before the first batch, towards 1."""

_RISE = 0.3
"""Share of the training in which the rate of "one_cycle" rises."""
_START, _END = 1 / 25, 1 / 250_000
"""Its factors at the beginning and at the end."""
_CYCLES = 4
"""Of "log_cosine", each twice as long as the one before."""


def cosine(progress: float) -> float:
    """Half a wave of the cosine, from 1 to 0 (I. Loshchilov and F. Hutter, "SGDR", 2017)."""
    return (1 + math.cos(math.pi * progress)) / 2


def linear(progress: float) -> float:
    """A straight line from 1 to 0."""
    return 1 - progress


def one_cycle(progress: float) -> float:
    """Up from 1/25 to 1 in 30% of the training, then down to 1/250000, both along a cosine.

    L. Smith and N. Topin, "Super-convergence", 2018, with the numbers of PyTorch's OneCycleLR;
    momentum stays what it is.
    """
    if progress < _RISE:
        return _START + (1 - _START) * (1 - cosine(progress / _RISE))
    return _END + (1 - _END) * cosine((progress - _RISE) / (1 - _RISE))


def log_cosine(progress: float) -> float:
    """Four waves between 0 and 1, each twice as long as the one before; it begins and ends at 0.

    "coslog4" of D. Holzmueller, L. Grinsztajn and I. Steinwart, "Better by default: strong
    pre-tuned MLPs and boosted trees on tabular data", 2024.
    """
    phase = math.log2(1 + (2**_CYCLES - 1) * progress)
    return (1 - math.cos(2 * math.pi * phase)) / 2


SCHEDULES: dict[str, Factor] = {
    "cosine": cosine,
    "one_cycle": one_cycle,
    "linear": linear,
    "log_cosine": log_cosine,
}
"""Schedules by name."""


class Schedule(NamedTuple):
    """Rates of batches that change within an epoch.

    Examples
    --------
    >>> from gpubackprop.training.schedules import SCHEDULES, Schedule
    >>> Schedule(SCHEDULES["linear"], warmup=0.5, epochs=2).rates(0.1, epoch=0, batches=4)
    array([0.05  , 0.0875, 0.075 , 0.0625])
    """

    factor: Factor
    warmup: float
    """Epochs in which the rate is raised from near zero: the factor of batch k, from 1, of the K
    batches that they have is k / K, on top of the other."""
    epochs: int
    """At the most; the progress is measured by them."""

    def rates(self, base: float, epoch: int, batches: int) -> Array:
        """Compute the rates of an epoch's batches; the epoch counts from 0.

        ValueError if a factor is not a number from 0 on.
        """
        done = epoch * batches + np.arange(batches)
        total = self.epochs * batches
        rates = base * np.array([self._factor(k / total) for k in done.tolist()])
        warm = self.warmup * batches
        return rates * np.minimum(1.0, (done + 1) / warm) if warm > 0 else rates

    def _factor(self, progress: float) -> float:
        try:
            factor = float(self.factor(progress))
        except (TypeError, ValueError) as reason:
            raise ValueError(_wrong(progress, str(reason))) from reason
        if not 0 <= factor < math.inf:
            raise ValueError(_wrong(progress, f"got {factor!r}"))
        return factor


def constant(progress: float) -> float:
    """Leave the rate what it is."""
    return 1.0


def _wrong(progress: float, what: str) -> str:
    return (
        f"schedule must return a factor of the learning rate, a finite number from 0 on, at the "
        f"progress {progress:g}: {what}"
    )
