"""Loss and gradient over the rows of all ranks, for L-BFGS, which the first rank runs."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...algorithm.parameters import Array
from ...backends.backend import Backend
from ...kernels.group import Group
from ..ranks import replicas
from .full_batch import FullBatch


class RankFullBatch(FullBatch):
    """A rank's rows in a backend's memory; all ranks evaluate at the first one's weights.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Initialised.
    X, y, sample_weight
        What this rank computes; weights are given.
    dtype : dtype
        To compute in.
    group : Group
        All ranks.
    backend : Backend
        Where this rank's primitives run.
    """

    def __init__(
        self,
        estimator: Any,
        X: Array,
        y: Array,
        sample_weight: Array,
        dtype: np.dtype[Any],
        group: Group,
        backend: Backend,
    ) -> None:
        self._group = group
        super().__init__(estimator, X, y, sample_weight, dtype, backend)

    def solve(self, solver: Callable[[], None]) -> None:
        """Run the solver on the first rank, and evaluate what it asks for on all.

        Parameters
        ----------
        solver : callable
            Calls `loss_and_gradient` and leaves its result in the estimator.
        """
        if self._group.index == 0:
            solver()
            self._group.exchange(False)
        else:
            while self._group.exchange(None)[0]:
                self._evaluate()
        replicas.take_numbers(self._estimator, self._group.exchange(self._numbers())[0])
        replicas.take_first_arrays(self._estimator, self._group)

    def _numbers(self) -> Any:
        return replicas.numbers(self._estimator)

    def loss_and_gradient(self) -> tuple[float, list[Array], list[Array]]:
        """Let all ranks evaluate at the estimator's present weights."""
        self._group.exchange(True)
        return self._evaluate()

    def _evaluate(self) -> tuple[float, list[Array], list[Array]]:
        replicas.take_first_arrays(self._estimator, self._group)
        return super().loss_and_gradient()

    def _over_all(self, weight: float) -> float:
        return float(sum(self._group.exchange(weight)))

    def _run(self) -> None:
        super()._run()
        for summed in (self._grad.theta, self._sums):
            values = self._memory.read(summed)
            self._group.all_reduce(values)
            self._memory.write(summed, values)
