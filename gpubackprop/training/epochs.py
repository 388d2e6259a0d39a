"""Epochs of mini-batch training: every row once in each, in a given order."""

import logging
import time
import warnings
from collections.abc import Iterator
from itertools import chain, repeat
from operator import mul
from typing import Any

import numpy as np

from ..algorithm.dropout import Dropout
from ..algorithm.memory import Memory
from ..algorithm.optimizers import Optimizer
from ..algorithm.parameters import Array, Parameters
from ..algorithm.workspace import Workspace
from ..backends.backend import Backend, Run
from ..backprop import Batch, Source, bind
from ..kernels.formulas import Formulas
from ..kernels.protocol import Kernels
from ..kernels.sparse import CSR, SparseRows
from .batches import Feed, Resident, Streamed
from .epoch_series import MOST_ROWS, EpochSeries, series
from .memory_plan import Plan
from .read_ahead import ReadAhead

_log = logging.getLogger("gpubackprop")


class Epochs:
    """Training data, parameters and a backend, ready to run epochs.

    `net` and `optimizer` are updated in place. X, (n, d_0), is float32 or float64, in any memory
    order: a batch is converted as it is gathered; Y, (n, d_L), and the entries of a CSR, which
    stays on the CPU, have the parameters' dtype. alpha/2 ||W||^2 over the total weight of a batch
    is added to its loss, which is reported with dropout. An epoch takes `rows` rows, by default
    all; `ahead` reads rows of X from a file before they are trained on.
    """

    def __init__(
        self,
        backend: Backend,
        net: Parameters,
        formulas: Formulas,
        optimizer: Optimizer,
        X: Array | CSR,
        Y: Array,
        weight: Array | None,
        alpha: float,
        planned: Plan,
        dropout: Dropout | None = None,
        rows: int | None = None,
        ahead: ReadAhead | None = None,
    ) -> None:
        memory, batch_size, checkpoint = backend.memory, planned.batch_size, planned.checkpoint
        self._memory, self._batch_size = memory, batch_size
        positive = weight is not None and bool(np.all(weight > 0))
        self._checked_weight = None if positive else weight
        column, alpha = scaled(weight, alpha, net.theta.dtype)
        taken = len(Y) if rows is None else rows
        self._rows = taken
        most = 1 if backend.rounds is None else max(1, MOST_ROWS // taken)
        self._feed = _feed(memory, planned, X, Y, column, taken, ahead, most)
        read = self._feed.sources[0].X
        sparse = read if isinstance(read, SparseRows) else None
        room = formulas, planned.part, checkpoint, dropout
        workspace = Workspace.allocate(net, *room, sparse=sparse)
        total = net.zeros_like()
        spare = total.zeros_like() if planned.part < batch_size else total
        self._runs: list[list[Run]] = [[] for _ in self._feed.sources]
        self._sizes = [batch_size, *filter(None, [taken % batch_size])]
        self._fresh_sums = np.zeros((len(self._sizes), 3))
        self.penalize(alpha)
        self._sums = memory.put(self._fresh_sums.copy())  # of all batches, to be read at once
        for rows, sums in zip(self._sizes, self._sums, strict=True):
            batch = list(
                zip(workspace.batch(rows, sums), chain([total], repeat(spare)), strict=False)
            )
            for source, runs in zip(self._feed.sources, self._runs, strict=True):

                def step(k: Kernels, source: Source = source, batch: Batch = batch) -> None:
                    bind(k).train_batch(source, net, batch, optimizer, alpha)

                runs.append(backend.prepare(step, multiply_adds(net, rows, sparse)))
        led_by_python = ahead is not None or self._checked_weight is not None
        self._series = None if led_by_python else self._made_series(backend, most)
        _say(planned)  # now that nothing is left to fail

    def _made_series(self, backend: Backend, most: int) -> EpochSeries | None:
        """Make ready to run up to `most` epochs in one call, where the backend can."""
        if backend.rounds is None or not isinstance(self._feed, Resident):
            return None
        parts = list(zip(self._runs[0], [self._rows // self._batch_size, 1], strict=False))
        return series(backend.rounds, parts, self._sums, self._fresh_sums, self._feed, most)

    def penalize(self, alpha: float) -> None:
        """Set the L2 penalty of the epochs to come, whose examples weigh alike."""
        self._fresh_sums[:, 1] = alpha / np.array(self._sizes)

    def run(self, order: Array, loss_scale: float = 1.0) -> float:
        """Train on each row of an order once; return the mean of the batches' losses.

        Each is weighted with its number of rows; `loss_scale` is a factor of it, the penalty apart.
        All epochs have as many rows. ZeroDivisionError, in NumPy's words, if all examples of a
        batch have weight zero.
        """
        require_weight(self._checked_weight, order, self._batch_size)
        self._memory.write(self._sums, self._fresh_sums)
        for window, rows in self._feed.windows(order):
            whole, rest = divmod(rows, self._batch_size)
            self._runs[window][0](whole)
            if rest:
                self._runs[window][1](1)
        return self._mean(self._memory.read(self._sums), loss_scale)

    def run_some(self, orders: Iterator[Array], loss_scale: float = 1.0) -> list[float]:
        """Run an epoch in the next of these orders, or several; return their losses.

        Several are as many as machine code may run while an interrupt waits, and leave what `run`
        leaves with one after the other.
        """
        if self._series is None:
            return [self.run(next(orders), loss_scale)]
        started = time.perf_counter()
        if self._series.at_once:
            losses = [self._mean(sums, loss_scale) for sums in self._series.run(orders)]
        else:
            losses = [self.run(next(orders), loss_scale)]
        self._series.pace((time.perf_counter() - started) / len(losses))
        return losses

    def _mean(self, sums: Array, loss_scale: float) -> float:
        """Mean of an epoch's losses, from the sums of its whole batches and of the last one."""
        of_sizes: list[list[float]] = sums.tolist()  # few: faster in Python
        losses = (loss_scale * loss + penalty for loss, _, penalty in of_sizes)
        total: float = sum(map(mul, self._sizes, losses))
        return total / self._rows


def require_weight(weight: Array | None, order: Array, batch_size: int) -> None:
    """Raise ZeroDivisionError if all examples of a batch have weight zero, in NumPy's words."""
    if weight is None:
        return
    starts = np.arange(0, len(order), batch_size)
    totals: Any = np.add.reduceat(weight[order], starts)
    if np.any(totals == 0.0):
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")


def scaled(weight: Array | None, alpha: float, dtype: Any) -> tuple[Array | None, float]:
    """Scale weights, and the penalty with them, so that none leaves a narrower type's range."""
    if weight is None:
        return None, alpha
    largest = 1.0 if np.can_cast(weight.dtype, dtype) else float(np.abs(weight).max()) or 1.0
    return (weight / largest).astype(dtype).reshape(-1, 1), alpha / largest


def multiply_adds(net: Parameters, rows: int, sparse: SparseRows | None) -> int:
    """Count those of a batch: forward, pulled back, gradient."""
    if sparse is None:
        return 3 * rows * net.theta.size
    csr, (columns, units) = sparse.matrix, net.W[0].shape
    entries = rows * len(csr.data) // (len(csr.indptr) - 1)
    # one for each of the first weights: the optimizer's pass over them is most of the work here
    return int(3 * rows * (net.theta.size - columns * units) + (2 * entries + columns) * units)


def _feed(
    memory: Memory,
    planned: Plan,
    X: Array | CSR,
    Y: Array,
    column: Array | None,
    taken: int,
    ahead: ReadAhead | None,
    epochs: int,
) -> Feed:
    if planned.window is None or isinstance(X, CSR):
        return Resident(memory, X, Y, column, taken, planned.batch_size, ahead, epochs)
    return Streamed(memory, X, Y, column, planned.window, ahead)


def _say(planned: Plan) -> None:
    """Warn where a batch is divided, log where the data are streamed."""
    if planned.part < planned.batch_size:
        warnings.warn(
            f"a mini-batch of {planned.batch_size} examples does not fit the GPU's memory and is "
            f"computed in parts of {planned.part}; the result is the same to rounding"
            f"{planned.offer}",
            stacklevel=2,
        )
    if planned.window is not None:
        _log.info("the data do not fit the GPU's memory: %d rows at a time", planned.window)
