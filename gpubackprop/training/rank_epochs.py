"""One epoch of mini-batch training that ranks compute together, each its rows of every batch."""

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np

from ..algorithm.checkpointing import Checkpoint
from ..algorithm.dropout import Dropout
from ..algorithm.optimizers import Optimizer
from ..algorithm.parameters import Array, Parameters
from ..algorithm.workspace import Workspace
from ..backends.backend import Backend, Run
from ..backprop import Share, Source, bind
from ..kernels.formulas import Formulas
from ..kernels.protocol import Kernels
from ..kernels.sparse import CSR, SparseRows
from .dealing import Deal, Dealt
from .epochs import multiply_adds, require_weight, scaled
from .read_ahead import ReadAhead, in_parts


class Step(NamedTuple):
    """What is recorded once: equal batches are replays of one step."""

    rows: int
    """Rows of the mini-batch."""
    own: int
    """How many of them this rank computes."""


class RankEpochs:
    """A rank's training data, its copy of the parameters and a backend, ready to run epochs.

    Every rank makes one, and calls `run` with the same order. What differs from `Epochs`: X and Y
    are what this rank holds, at least one row, and `deal` says which rows are its; `weight` and
    `batch_size` are over all ranks; parameters, optimizer and dropout are the same on all.
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
        batch_size: int,
        checkpoint: Checkpoint,
        deal: Deal,
        dropout: Dropout | None,
        ahead: ReadAhead | None = None,
    ) -> None:
        memory, n = backend.memory, deal.size
        self._backend, self._memory, self._group = backend, memory, deal.group
        self._net, self._optimizer = net, optimizer
        self._deal, self._batch_size, self._weight = deal, batch_size, weight
        column, self._alpha = scaled(weight, alpha, net.theta.dtype)
        self._total = net.zeros_like()
        starts = np.arange(0, n, batch_size)
        self._sizes: list[int] = np.minimum(batch_size, n - starts).tolist()
        self._sums = {rows: memory.put(np.zeros(3)) for rows in dict.fromkeys(self._sizes)}
        self._source = self._made_source(X, Y, column, n)
        read = self._source.X
        self._sparse = read if isinstance(read, SparseRows) else None
        if dropout is not None:
            dropout = dropout._replace(place=self._place, cursor=self._source.cursor)
        room = formulas, max(1, deal.most(batch_size)), checkpoint, dropout
        self._room = Workspace.allocate(net, *room, sparse=self._sparse)
        self._runs: dict[Step, Run] = {}
        self._ahead = ahead if read is X else None
        self._at_once = n if self._ahead is None else self._ahead.whole_batches(batch_size)

    def _made_source(self, X: Array | CSR, Y: Array, column: Array | None, n: int) -> Source:
        memory = self._memory

        def integers(size: int) -> Array:
            return memory.put(np.zeros(size, dtype=np.int64))

        room = n + len(self._sizes)  # a stand-in for each batch
        weight = None if column is None else memory.put(column)
        self._place = integers(room)
        share = None if column is None else Share(integers(n), integers(1), self._place)
        order, cursor = integers(room), integers(1)
        read = SparseRows(X, order, cursor) if isinstance(X, CSR) else memory.rows(X, Y.dtype)
        return Source(read, memory.rows(Y), weight, order, cursor, share)

    def run(self, order: Array, loss_scale: float = 1.0) -> float:
        """Train on every row once, all ranks together, in the same order.

        The loss is that of `Epochs.run`, the same bits on all ranks.
        """
        require_weight(self._weight, order, self._batch_size)
        for rows, sums in self._sums.items():
            self._memory.write(sums, np.array([0.0, self._alpha / rows, 0.0]))
        dealt = _with_stand_ins(self._deal.dealt(order, self._batch_size))
        self._write(order, dealt)
        for step, repeats in self._steps(dealt):
            if step not in self._runs:
                self._runs[step] = self._prepared(step)
            self._runs[step](repeats)
        return self._loss(loss_scale) / len(order)

    def run_some(self, orders: Iterator[Array], loss_scale: float = 1.0) -> list[float]:
        """Run an epoch in the next of these orders; return its loss, as a list."""
        return [self.run(next(orders), loss_scale)]

    def _write(self, order: Array, dealt: Dealt) -> None:
        """Set the source to the beginning of an epoch."""
        write, source, start = self._memory.write, self._source, np.zeros(1, dtype=np.int64)
        write(source.order[: len(dealt.rows)], dealt.rows)
        write(self._place[: len(dealt.place)], dealt.place)
        write(source.cursor, start)
        if source.share is not None:
            write(source.share.order, order)
            write(source.share.cursor, start)

    def _steps(self, dealt: Dealt) -> Iterator[tuple[Step, int]]:
        """Go through the batches; neighbours that are alike come as one step and its repeats."""
        batches = list(map(Step, self._sizes, dealt.counts.tolist()))
        ends = np.cumsum([0, *np.maximum(1, dealt.counts)])  # each has a row at the least
        firsts = range(0, len(batches), -(-self._at_once // self._batch_size))
        bounds = [*ends[firsts].tolist(), len(dealt.rows)]
        for first, _ in zip(firsts, in_parts(dealt.rows, bounds, self._ahead), strict=True):
            for step, alike in groupby(batches[first : first + firsts.step]):
                yield step, sum(1 for _ in alike)

    def _prepared(self, step: Step) -> Run:
        net, optimizer, alpha, source = self._net, self._optimizer, self._alpha, self._source
        if source.share is not None and step.own == 0:
            source = source._replace(share=source.share._replace(place=None))
        batch = [(self._workspace(step), self._total)]

        def train(k: Kernels) -> None:
            bind(k).train_batch(source, net, batch, optimizer, alpha, self._group)

        return self._backend.prepare(train, multiply_adds(net, batch[0][0].rows, self._sparse))

    def _workspace(self, step: Step) -> Workspace:
        """Workspace of this rank's rows of a batch, with the shares of the whole batch."""
        put, dtype = self._memory.put, self._room.share.dtype
        batch_share = put(np.full((step.rows, 1), 1 / step.rows, dtype=dtype))
        share = put(np.full((max(1, step.own), 1), min(1, step.own) / step.rows, dtype=dtype))
        part = self._room.first(len(share))
        return part._replace(share=share, batch_share=batch_share, sums=self._sums[step.rows])

    def _loss(self, loss_scale: float) -> float:
        """Sum of the losses of all rows: the ranks' losses, and the first one's penalties."""
        sums = np.array([self._memory.read(sums) for sums in self._sums.values()])
        first = self._group.index == 0
        losses = (loss_scale * sums[:, 0] + first * sums[:, 2]) * list(self._sums)
        self._group.all_reduce(losses)
        return float(losses.sum())


def _with_stand_ins(dealt: Dealt) -> Dealt:
    """Give each batch that has no row of this rank a row, whose share will be zero."""
    at = np.cumsum(dealt.counts)[dealt.counts == 0]
    return dealt._replace(rows=np.insert(dealt.rows, at, 0), place=np.insert(dealt.place, at, 0))
