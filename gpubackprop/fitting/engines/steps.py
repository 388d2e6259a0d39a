"""Epochs of the estimator's own steps, for what no backend takes, such as an own `_backprop`."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from sklearn.utils import gen_batches

from ...algorithm.parameters import Array
from ..epoch_loop import Epoch
from ..rows import Data


class StepEngine:
    """Runs scikit-learn's code batch by batch.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Initialised, with its `_optimizer`.
    data : Data
        Rows to train on; X may be a CSR or CSC matrix.
    batch_size : int
        Rows of a mini-batch.
    buffers : tuple of list
        scikit-learn's activations, deltas, coef_grads and intercept_grads.
    """

    def __init__(
        self, estimator: Any, data: Data, batch_size: int, buffers: tuple[list[Any], ...]
    ) -> None:
        self._estimator, self._data, self._batch_size = estimator, data, batch_size
        self._buffers = buffers

    def begin(self) -> None:
        """Do nothing: scikit-learn's code reads the estimator in every batch."""

    def run(self, orders: Iterator[Array], rate: float) -> list[Epoch]:
        """Train for an epoch in the next order; scikit-learn's optimizer keeps the rate itself."""
        order = next(orders)
        X, y, sample_weight, *_ = self._data
        parameters = self._estimator.coefs_ + self._estimator.intercepts_
        total = 0.0
        for rows in gen_batches(len(order), self._batch_size):
            batch = order[rows]
            self._buffers[0][0] = X_batch = X[batch]
            weight = None if sample_weight is None else sample_weight[batch]
            loss, *grads = self._estimator._backprop(X_batch, y[batch], weight, *self._buffers)
            self._buffers = (*self._buffers[:2], *grads)
            total += loss * len(batch)
            self._estimator._optimizer.update_params(parameters, grads[0] + grads[1])
        return [Epoch(total / len(order), rate)]

    def evaluated(self, X: Any, Y: Array, share: Array) -> None:
        """Return None: scikit-learn's code predicts."""

    def restore(self) -> None:
        """Do nothing: a batch that fails leaves what the one before it left."""

    def publish(self) -> None:
        """Do nothing: a step writes where it reads."""

    def state(self) -> list[Array]:
        """Return the weights and the arrays of scikit-learn's optimizer."""
        estimator = self._estimator
        moments = [each for each in vars(estimator._optimizer).values() if isinstance(each, list)]
        return [*estimator.coefs_, *estimator.intercepts_, *chain.from_iterable(moments)]

    def set_state(self, arrays: list[Array]) -> None:
        """Write the numbers that `state` has read."""
        for live, saved in zip(self.state(), arrays, strict=True):
            live[...] = saved
