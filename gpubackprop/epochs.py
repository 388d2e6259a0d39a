"""One epoch of mini-batch training: every row once, in a given order."""

from typing import Any

import numpy as np

from .backends.backend import Backend
from .backprop import Formulas, Source, bind
from .kernels.protocol import Kernels
from .optimizers import Optimizer
from .parameters import Array, Parameters
from .workspace import Workspace


class Epochs:
    """Training data, parameters and a backend, ready to run epochs.

    Parameters
    ----------
    backend : Backend
        Where and how the primitives run.
    net : Parameters
        Trained in place.
    formulas : Formulas
        Activations and loss.
    optimizer : Optimizer
        Updated in place.
    X : ndarray of shape (n, d_0)
        Examples, of the parameters' dtype, in any memory order.
    Y : ndarray of shape (n, d_L)
        Targets, of the parameters' dtype.
    weight : ndarray of shape (n,) or None
        Weights of the examples.
    batch_size : int
        B; the last batch holds what is left.
    alpha : float
        L2 penalty: alpha/2 ||W||^2 over the total weight of a batch is added to its loss.
    """

    def __init__(
        self,
        backend: Backend,
        net: Parameters,
        formulas: Formulas,
        optimizer: Optimizer,
        X: Array,
        Y: Array,
        weight: Array | None,
        batch_size: int,
        alpha: float,
    ) -> None:
        self._weight = weight
        self._cursor = np.zeros(1, dtype=np.int64)
        self._order = np.arange(len(X), dtype=np.int64)
        column = None
        if weight is not None:  # scaled to 1, so that no weight leaves the range of the dtype
            largest = float(np.abs(weight).max()) or 1.0
            column = (weight / largest).astype(X.dtype).reshape(-1, 1)
            alpha = alpha / largest
        source = Source(X, Y, column, self._order, self._cursor)
        grad = net.zeros_like()
        whole, rest = divmod(len(X), batch_size)
        full = Workspace.allocate(net.layer_sizes, batch_size, X.dtype)
        sizes = [(full, whole), (full.first(rest), 1)] if rest else [(full, whole)]
        self._batch_size = batch_size
        self._runs = []
        for ws, count in sizes:
            ws.decay[0] = alpha / ws.batch_size

            def step(k: Kernels, ws: Workspace = ws) -> None:
                bind(k).train_batch(source, net, grad, ws, formulas, optimizer, alpha)

            multiply_adds = 3 * ws.batch_size * net.theta.size  # forward, pulled back, gradient
            self._runs.append((backend.prepare(step, multiply_adds), count, ws))

    def run(self, order: Array, loss_scale: float = 1.0) -> float:
        """Train on every row once.

        Parameters
        ----------
        order : ndarray of int64, shape (n,)
            The rows' order.
        loss_scale : float
            Factor of the reported loss without its penalty.

        Returns
        -------
        loss : float
            Mean of the batches' losses, each weighted with its number of rows.

        Raises
        ------
        ZeroDivisionError
            If all examples of a batch have weight zero, in NumPy's words.
        """
        self._require_weight(order)
        self._order[...] = order
        self._cursor[0] = 0
        loss = 0.0
        for run, count, ws in self._runs:
            ws.loss[0] = ws.penalty[0] = 0.0
            run(count)
            loss += ws.batch_size * float(loss_scale * ws.loss[0] + ws.penalty[0])
        return loss / len(order)

    def _require_weight(self, order: Array) -> None:
        if self._weight is None:
            return
        starts = np.arange(0, len(order), self._batch_size)
        totals: Any = np.add.reduceat(self._weight[order], starts)
        if np.any(totals == 0.0):
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
