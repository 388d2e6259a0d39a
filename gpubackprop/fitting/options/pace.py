"""How an estimator's optimizer steps: at which learning rates, with gradients of which norm."""

from typing import Any

import numpy as np

from ...algorithm.memory import Memory
from ...algorithm.optimizers import Clipped, Optimizer, Scheduled
from ...algorithm.parameters import Array
from ...kernels.optimizers import Rule
from ...training.schedules import SCHEDULES, Factor, Schedule, constant
from .values import options


class Pace:
    """An optimizer in what the estimator's schedule and clipping make of it, its `optimizer`."""

    def __init__(self, estimator: Any, rule: Rule, batches: int, memory: Memory) -> None:
        self._rule, self._batches, self._memory = rule, batches, memory
        self._schedule, self._largest = _schedule(estimator), options(estimator).clip_norm
        self._rates = memory.put(np.zeros((batches, 1)))
        self._cursor = memory.put(np.zeros(1, dtype=np.int64))
        self._norm = memory.put(np.zeros(1))
        self.optimizer = self._wrapped()
        self.acts_between_epochs = self._schedule is not None or self._largest is not None
        """Whether Python begins each epoch, or reads the norm of its gradients."""

    def _wrapped(self) -> Optimizer:
        paced: Rule | Scheduled = self._rule
        if self._schedule is not None:
            order = self._memory.put(np.arange(self._batches))
            paced = Scheduled(self._rule, self._rates, order, self._cursor)
        return paced if self._largest is None else Clipped(paced, float(self._largest), self._norm)

    def begin_epoch(self, rate: float, epoch: int) -> float:
        """Set the rates of an epoch's batches; return their mean.

        The epoch counts from 0; its `rate` is what the estimator's optimizer has.
        """
        if self._largest is not None:
            self._memory.write(self._norm, np.zeros(1))
        if self._schedule is None:
            self._memory.write(self._rule.rate, np.array([float(rate)]))
            return rate
        rates: Array = self._schedule.rates(rate, epoch, self._batches)
        self._memory.write(self._rates, rates.reshape(-1, 1))
        self._memory.write(self._cursor, np.zeros(1, dtype=np.int64))
        return float(rates.mean())

    def gradient_norm(self) -> float | None:
        """Mean norm of the epoch's gradients before clipping; None where it is not asked for."""
        if self._largest is None:
            return None
        return float(self._memory.read(self._norm)[0]) / self._batches


def _schedule(estimator: Any) -> Schedule | None:
    """Make the schedule of an estimator whose rate changes within an epoch."""
    own = options(estimator)
    if own.schedule is None and not own.warmup:
        return None
    chosen: Factor = constant
    if own.schedule is not None:
        chosen = SCHEDULES[own.schedule] if isinstance(own.schedule, str) else own.schedule
    return Schedule(chosen, float(own.warmup), estimator.max_iter)
