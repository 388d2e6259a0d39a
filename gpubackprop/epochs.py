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
        memory = self._memory = backend.memory
        self._cursor = memory.put(np.zeros(1, dtype=np.int64))
        self._order = memory.put(np.arange(len(X), dtype=np.int64))
        column = None
        if weight is not None:  # scaled to 1, so that no weight leaves the range of the dtype
            largest = float(np.abs(weight).max()) or 1.0
            column = memory.put((weight / largest).astype(X.dtype).reshape(-1, 1))
            alpha = alpha / largest
        source = Source(memory.rows(X), memory.rows(Y), column, self._order, self._cursor)
        grad = net.zeros_like()
        whole, rest = divmod(len(X), batch_size)
        full = Workspace.allocate(net.layer_sizes, batch_size, X.dtype, memory)
        sizes = [(full, whole), (full.first(rest), 1)] if rest else [(full, whole)]
        self._batch_size = batch_size
        self._runs = []
        for ws, count in sizes:

            def step(k: Kernels, ws: Workspace = ws) -> None:
                bind(k).train_batch(source, net, grad, ws, formulas, optimizer, alpha)

            multiply_adds = 3 * ws.batch_size * net.theta.size  # forward, pulled back, gradient
            run = backend.prepare(step, multiply_adds)
            no_sums = np.array([0.0, alpha / ws.batch_size, 0.0])
            self._runs.append((run, count, ws, no_sums))

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
        write = self._memory.write
        write(self._order, order)
        write(self._cursor, np.zeros(1, dtype=np.int64))
        for run, count, ws, no_sums in self._runs:
            write(ws.sums, no_sums)
            run(count)
        total = 0.0
        for _, _, ws, _ in self._runs:
            loss, _, penalty = self._memory.read(ws.sums)
            total += ws.batch_size * float(loss_scale * loss + penalty)
        return total / len(order)

    def _require_weight(self, order: Array) -> None:
        if self._weight is None:
            return
        starts = np.arange(0, len(order), self._batch_size)
        totals: Any = np.add.reduceat(self._weight[order], starts)
        if np.any(totals == 0.0):
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
