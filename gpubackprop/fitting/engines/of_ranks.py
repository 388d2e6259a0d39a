"""Epochs of an estimator that ranks compute together."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...algorithm.parameters import Array
from ...backends.backend import Backend
from ...training.dealing import Deal
from ...training.memory_plan import Plan
from ...training.rank_epochs import RankEpochs
from ..conversion import formulas, training_dtype
from ..epoch_loop import Epoch
from ..options.values import options
from ..ranks import replicas
from ..rows import Data
from .dense import DenseEngine


class RankEngine(DenseEngine):
    """Epochs on a backend of each rank, over a copy of the first rank's parameters.

    Parameters
    ----------
    estimator, data, batch_size
        As for `DenseEngine`.
    deal : Deal
        Which of the rows to train on are this rank's.
    backend : Backend
        Where this rank's primitives run.

    Raises
    ------
    MemoryError
        If a rank's part of a mini-batch and its rows do not fit a GPU.
    """

    def __init__(
        self, estimator: Any, data: Data, batch_size: int, deal: Deal, backend: Backend
    ) -> None:
        own = training_dtype(estimator, data.X, data.y, data.sample_weight)
        self._deal, self._widest = deal, np.result_type(*deal.group.exchange(own))
        super().__init__(estimator, data, batch_size, backend)

    def run(self, orders: Iterator[Array], rate: float) -> list[Epoch]:
        """Train on the rows of all ranks in the next of these orders."""
        epochs = super().run(orders, rate)
        theta = self._memory.read(self._net.theta)
        replicas.require_equal_weights(theta, self._estimator.n_iter_ + 1, self._deal.group)
        return epochs

    def _batches(self) -> int:
        return -(-self._deal.size // self._batch_size)

    def _dtype(self) -> np.dtype[Any]:
        """Widest type that a rank's rows ask for."""
        return self._widest

    def _planned(self, dtype: np.dtype[Any], batch_size: int) -> Plan:
        part = self._deal.most(batch_size)
        planned = super()._planned(dtype, part)
        if planned.window is not None or planned.part < part:
            raise MemoryError(
                f"a rank's part of a mini-batch, up to {part} rows, and all rows that it "
                "holds must fit its GPU's memory; take a smaller batch_size, more ranks or "
                "device='cpu'"
            )
        return planned

    def _made_epochs(self, X: Any, Y: Array, planned: Plan) -> RankEpochs:
        estimator, data = self._estimator, self._data
        f, alpha = formulas(estimator), float(estimator.alpha)
        trained = self._net, f, self._pace.optimizer
        return RankEpochs(
            self._backend,
            *trained,
            X,
            Y,
            data.sample_weight,
            alpha,
            self._batch_size,
            options(estimator).checkpoint,
            self._deal,
            self._dropout,
            self._ahead(X),
        )
