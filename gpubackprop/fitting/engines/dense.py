"""Epochs of an estimator on a backend, over a flat copy of its parameters."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from ...algorithm.memory import HOST
from ...algorithm.parameters import Array
from ...backends.backend import Backend
from ...kernels.optimizers import Adam
from ...training.epochs import Epochs
from ...training.evaluation import Evaluation
from ...training.memory_plan import Plan, plan
from ...training.rank_epochs import RankEpochs
from ...training.read_ahead import ReadAhead, read_ahead
from ...training.snapshot import EpochSnapshot
from .. import solvers
from ..conversion import (
    examples,
    formulas,
    layer_sizes,
    loss_scale,
    network,
    optimizer,
    targets,
    training_dtype,
)
from ..epoch_loop import Epoch
from ..options.pace import Pace
from ..options.regularisation import dropout, rates
from ..options.values import options
from ..row_order import is_by_blocks
from ..rows import Data
from ..scikit_learn.contract import AdamOptimizer


class DenseEngine:
    """Epochs on a backend, over a flat copy of the estimator's parameters.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Initialised, with its `_optimizer`.
    data : Data
        Rows to train on.
    batch_size : int
        Rows of a mini-batch.
    backend : Backend
        Where the primitives run.
    """

    def __init__(self, estimator: Any, data: Data, batch_size: int, backend: Backend) -> None:
        self._estimator, self._data, self._batch_size = estimator, data, batch_size
        self._backend = backend
        self.begin()

    def begin(self) -> None:
        """Start from the estimator as it is now."""
        estimator, data, memory = self._estimator, self._data, self._backend.memory
        dtype = self._dtype()
        planned = self._planned(dtype, self._batch_size)
        self._memory = memory
        self._net = network(estimator, dtype, memory)
        self._rule = optimizer(estimator, self._net)
        self._pace = Pace(estimator, self._rule, self._batches(), memory)
        self._loss_scale = loss_scale(estimator)
        self._dropout = dropout(estimator, memory, planned.part)
        X, Y = examples(data.X, dtype), targets(estimator, data.y, dtype)
        self._epochs = self._made_epochs(X, Y, planned)
        seen = [self._dropout.seen] if self._dropout else []
        self._changed = [self._net.theta, *self._rule.changed, *seen]
        self._last = EpochSnapshot(self._changed if planned.keeps_epoch else [], memory)
        self._moments = [self._net.over(vector) for vector in self._rule.vectors]
        self._evaluation: Evaluation | None = None

    def _batches(self) -> int:
        """Count the batches of an epoch."""
        return -(-self._data.rows // self._batch_size)

    def _dtype(self) -> np.dtype[Any]:
        data = self._data
        return training_dtype(self._estimator, data.X, data.y, data.sample_weight)

    def _planned(self, dtype: np.dtype[Any], batch_size: int) -> Plan:
        """Divide training so that it fits, before anything is allocated."""
        estimator, X, memory = self._estimator, self._data.X, self._backend.memory
        moments = len(solvers.of(estimator._optimizer).vectors)
        in_memory, checkpoint = memory.holds(X), options(estimator).checkpoint
        apart = formulas(estimator).apart(len(estimator.coefs_), rates(estimator))
        shape = layer_sizes(estimator), X.shape[0], batch_size, dtype, moments
        return plan(*shape, memory, in_memory, checkpoint, apart)

    def _made_epochs(self, X: Any, Y: Array, planned: Plan) -> Epochs | RankEpochs:
        """Make ready to run epochs."""
        f, alpha = formulas(self._estimator), float(self._estimator.alpha)
        trained, data = (self._net, f, self._pace.optimizer), (X, Y, self._data.sample_weight)
        last = planned, self._dropout, self._data.rows
        return Epochs(self._backend, *trained, *data, alpha, *last, ahead=self._ahead(X))

    def _ahead(self, X: Any) -> ReadAhead | None:
        return read_ahead(X) if is_by_blocks(self._estimator) else None

    def run(self, orders: Iterator[Array], rate: float) -> list[Epoch]:
        """Train for an epoch in the next order, or for several; a schedule takes shares of `rate`.

        The orders are those of all rows; as many are taken as machine code may run in one call.
        """
        mean_rate = self._pace.begin_epoch(rate, self._estimator.n_iter_)
        taken = islice(orders, 1) if self._pace.acts_between_epochs else orders
        losses = self._epochs.run_some(taken, self._loss_scale)
        self._last.keep()
        norm = self._pace.gradient_norm()
        return [Epoch(loss, mean_rate, norm) for loss in losses]

    def evaluated(self, X: Any, Y: Array, share: Array) -> tuple[Array, float] | None:
        """Compute the outputs and the loss of rows of the host that are always the same.

        Returns
        -------
        y_hat, loss
            As `Evaluation.run`; None where X is of another type or place than the weights.
        """
        plain = self._memory is HOST and type(X) is np.ndarray and X.flags.forc
        if not plain or not X.dtype == Y.dtype == self._net.theta.dtype:
            return None
        if self._evaluation is None:
            f = formulas(self._estimator)
            self._evaluation = Evaluation(self._backend, self._net, f, X, Y, share)
        return self._evaluation.run()

    def restore(self) -> None:
        """Go back to the end of the last epoch, if its copies fitted into memory."""
        self._last.restore()

    def publish(self) -> None:
        """Write weights and optimizer state into the estimator's arrays."""
        self._net.store(self._estimator.coefs_ + self._estimator.intercepts_)
        state = self._estimator._optimizer
        for name, moments in zip(solvers.of(state).vectors, self._moments, strict=True):
            moments.store(getattr(state, name))
        if isinstance(self._rule, Adam):
            state.t = int(self._memory.read(self._rule.t)[0])
        if isinstance(state, AdamOptimizer) and state.t:
            state.learning_rate = (
                state.learning_rate_init
                * np.sqrt(1 - state.beta_2**state.t)
                / (1 - state.beta_1**state.t)
            )

    def state(self) -> list[Array]:
        """Read the parameters and what the optimizer changes, the vectors without their gaps."""
        return [self._net.packed(array) for array in self._changed]

    def set_state(self, arrays: list[Array]) -> None:
        """Start from the numbers that `state` has read."""
        for live, packed in zip(self._changed, arrays, strict=True):
            self._net.unpack(packed, live)
        self._last.keep()
