"""The primitives as Numba loops and matrix products; see `protocol` for what each one means.

A primitive is a short sequence of stages, each divided into as many pieces as there are threads to
run them. Called, a primitive runs undivided; recorded, its pieces are handed over to be replayed
without Python. Most stages are divided by rows: a thread then finds the rows that it needs where it
left them, and need not wait for the others.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from . import gemm, loops, update_loops
from .calls import executed
from .formulas import LOSSES, Activation, Loss
from .group import Group
from .kernel import Kernel, Kind
from .masks import DRAWS, Mask
from .native.arguments import Array
from .native.launch import LoopLaunch, launch
from .optimizers import L2, SGD, Adam, Lion, RMSProp, Rule
from .products import product
from .protocol import Kernels
from .sparse import SparseRows


class Stage(NamedTuple):
    """Launches that may run side by side."""

    launches: tuple[LoopLaunch, ...]
    by_rows: bool = False
    """Whether each piece reads and writes its own rows of the batch only."""

    def run(self) -> None:
        """Run them one after the other."""
        for each in self.launches:
            each.run()


class Exchange(NamedTuple):
    """A sum over ranks: no machine code, so a recording is cut at it."""

    total: Array
    ranks: Group

    def run(self) -> None:
        """Add up."""
        self.ranks.all_reduce(self.total)


Stages = Iterator[Stage]
Product = Callable[[Array, Array, Array], LoopLaunch]
"""Prepares C = A B."""

_NARROW_ROW_BYTES = 1024
"""Bytes of a row up to which 1^T Delta is faster as a product: the BLAS walks down the columns."""


class Primitives:
    """The protocol's primitives, each as the stages that it consists of.

    Parameters
    ----------
    pieces : int, default=1
        How many threads each stage is divided among.
    product : callable, default=product
        What prepares matrix products.
    """

    def __init__(self, pieces: int = 1, product: Product = product) -> None:
        self._pieces, self._product = pieces, product

    def gather(self, X: Array, order: Array, cursor: Array, out: Array) -> Stages:
        if X.shape[1] != out.shape[1]:
            raise ValueError(f"gather: {X.shape[1]} columns into {out.shape[1]}")
        gather = loops.gather if X.dtype == out.dtype else loops.gather_converted
        yield _by_rows(
            launch(gather, X=X, order=order[rows.start :], cursor=cursor, out=out[rows])
            for rows in self._rows(out)
        )

    def advance(self, counter: Array, amount: int) -> Stages:
        yield _side_by_side(launch(loops.advance, counter=counter, amount=amount))

    def add(self, amount: Array, total: Array) -> Stages:
        parts = _divide(len(total), self._pieces, step=64 // total.itemsize)
        rows = ((amount[part].reshape(1, -1), total[part].reshape(1, -1)) for part in parts)
        yield _side_by_side(*(launch(loops.add, A=A, out=out) for A, out in rows))

    def all_reduce(self, total: Array, ranks: Group) -> Iterator[Exchange]:
        yield Exchange(total, ranks)

    def normalize(self, share: Array, alpha: float, decay: Array) -> Stages:
        yield _side_by_side(launch(loops.normalize, share=share, alpha=alpha, decay=decay))

    def dense(
        self, A: Array, W: Array, b: Array, activation: Activation, Z: Array, out: Array
    ) -> Stages:
        yield self._batch_product(A, W, Z)
        yield from self._activated(Z, b, activation, out)

    def dense_and_slope(
        self, A: Array, W: Array, b: Array, activation: Activation, slope: Array, out: Array
    ) -> Stages:
        yield self._batch_product(A, W, slope)
        both = loops.activate_and_slope.of(activation)
        yield _by_rows(
            launch(both, Z=slope[part], b=b, out=out[part]) for part in self._rows(slope)
        )

    def sparse_dense(
        self, A: SparseRows, W: Array, b: Array, activation: Activation, Z: Array, out: Array
    ) -> Stages:
        _require_sparse(A, W, Z)
        yield _by_rows(
            launch(loops.sparse_product, **_entries(A, rows.start), W=W, out=Z[rows])
            for rows in self._rows(Z)
        )
        yield from self._activated(Z, b, activation, out)

    def _activated(self, Z: Array, b: Array, activation: Activation, out: Array) -> Stages:
        """Z = Z + b; out = sigma(Z)."""
        rows = self._rows(Z)
        if Z is not out:
            yield _activation(Activation.IDENTITY, Z, b, rows)
            yield _by_rows(launch(loops.copy, A=Z[part], out=out[part]) for part in rows)
            b = np.zeros_like(b)
        yield _activation(activation, out, b, rows)

    def dropout(self, A: Array, mask: Mask, out: Array) -> Stages:
        rows, needed = self._rows(A), 2 * -(-A.shape[1] // DRAWS)
        if A is not out:
            yield _by_rows(launch(loops.copy, A=A[part], out=out[part]) for part in rows)
        words = np.zeros((len(rows), needed + 8), dtype=np.int64)  # a cache line between threads
        yield _by_rows(
            launch(
                loops.dropout,
                A=out[part],
                threshold=mask.threshold,
                scale=mask.scale,
                key=mask.key,
                layer=mask.layer,
                seen=mask.seen,
                place=mask.place,
                cursor=mask.cursor,
                first=part.start,
                words=own[:needed],
                draws=own[:needed].view(np.uint16),  # the lowest bits first, on these processors
            )
            for part, own in zip(rows, words, strict=True)
        )

    def dropout_delta(self, dropped: Array, mask: Mask, delta: Array) -> Stages:
        rows, scale = self._rows(delta), mask.scale
        yield _by_rows(
            launch(loops.dropout_delta, dropped=dropped[part], scale=scale, delta=delta[part])
            for part in rows
        )

    def output_delta(
        self,
        A: Array,
        Y: Array,
        share: Array,
        activation: Activation,
        loss: Loss,
        delta: Array,
        total: Array,
        constant: Array | None = None,
    ) -> Stages:
        if constant is None:
            constant = np.full(A.shape[1], LOSSES[loss].constant or 0.0, A.dtype)

        def piece(rows: slice, own: Array) -> LoopLaunch:
            return launch(
                loops.output_delta.of(loss),
                A=A[rows],
                Y=Y[rows],
                share=share[rows],
                constant=constant,
                delta=delta[rows],
                total=own,
                flat_A=A[rows].reshape(-1),
                flat_Y=Y[rows].reshape(-1),
                flat_delta=delta[rows].reshape(-1),
            )

        launches, *collected = _summed(self._rows(A), total, piece)
        yield _by_rows(launches)
        if not loss.error_is_of(activation):
            yield from self._pulled_back(delta, A, activation)
        yield from map(Stage, collected)

    def weight_grad(self, A: Array, delta: Array, grad_W: Array) -> Stages:
        if self._pieces > 1 and grad_W.size <= A.size + delta.size:
            yield from self._summed_product(A, delta, grad_W)
        else:
            yield self._divided_product(A.T, delta, grad_W)

    def sparse_weight_grad(self, A: SparseRows, delta: Array, grad_W: Array) -> Stages:
        _require_sparse(A, grad_W, delta)
        entries = _entries(A, 0)
        yield _side_by_side(
            *(
                launch(
                    loops.sparse_weight_grad,
                    **entries,
                    delta=delta,
                    first=part.start,
                    grad_W=grad_W[part],
                )
                for part in self._rows(grad_W)  # each thread looks for its own columns of A
            )
        )

    def bias_grad(self, delta: Array, grad_b: Array) -> Stages:
        if grad_b.nbytes <= _NARROW_ROW_BYTES:
            ones = np.ones((1, len(delta)), dtype=delta.dtype)
            yield self._divided_product(ones, delta, grad_b.reshape(1, -1))
            return
        yield _side_by_side(
            *(
                launch(loops.bias_grad, delta=delta, first=part.start, grad_b=grad_b[part])
                for part in _divide(len(grad_b), self._pieces)
            )
        )

    def hidden_delta(
        self, delta: Array, W: Array, saved: Array, activation: Activation | None, out: Array
    ) -> Stages:
        yield self._batch_product(delta, W.T, out)
        yield from self._pulled_back(out, saved, activation)

    def clip(self, grad: Array, largest: float, norm: Array) -> Stages:
        chunks, factor = np.zeros(-(-len(grad) // update_loops.CHUNK)), np.ones(1)
        parts = _divide(len(grad), self._pieces, update_loops.CHUNK)
        yield _side_by_side(
            *(
                launch(update_loops.squares, x=grad[part], parts=chunks[_chunks(part)])
                for part in parts
            )
        )
        yield _side_by_side(
            launch(
                update_loops.clip_factor, parts=chunks, largest=largest, factor=factor, norm=norm
            )
        )
        yield _side_by_side(
            *(launch(update_loops.scale, x=grad[part], factor=factor) for part in parts)
        )

    def sgd(self, theta: Array, grad: Array, state: SGD, l2: L2) -> Stages:
        yield from self._update(update_loops.sgd, theta, grad, state, l2)

    def adam(self, theta: Array, grad: Array, state: Adam, l2: L2) -> Stages:
        yield from self._update(update_loops.adam.of(state.form), theta, grad, state, l2)

    def rmsprop(self, theta: Array, grad: Array, state: RMSProp, l2: L2) -> Stages:
        yield from self._update(update_loops.rmsprop, theta, grad, state, l2)

    def lion(self, theta: Array, grad: Array, state: Lion, l2: L2) -> Stages:
        yield from self._update(update_loops.lion, theta, grad, state, l2)

    def _pulled_back(self, delta: Array, saved: Array, activation: Activation | None) -> Stages:
        """Pull an error back through a layer's activation, in place."""
        parts = [(delta[part], saved[part]) for part in self._rows(delta)]
        if activation is Activation.SOFTMAX:
            yield _by_rows(launch(loops.pull_softmax, delta=d, A=a) for d, a in parts)
        elif activation is not Activation.IDENTITY:
            hadamard = loops.hadamard if activation is None else loops.hadamard.of(activation)
            yield _by_rows(
                launch(hadamard, delta=d.reshape(-1), saved=s.reshape(-1)) for d, s in parts
            )

    def _update(self, kernel: Kernel, theta: Array, grad: Array, state: Rule, l2: L2) -> Stages:
        """Divide an optimizer's pass at cache lines; a part holds weights, then biases, or either.

        The kernel's parameters are named as the entries of its optimizer's record.
        """
        whole: dict[str, Any] = {"theta": theta, "grad": grad, **state._asdict()}
        taken = {name: kind for name, kind in kernel.parameters if name in whole}

        def piece(part: slice, own: Array) -> LoopLaunch:
            return launch(
                kernel,
                **{
                    name: whole[name][part] if kind is Kind.VECTOR else whole[name]
                    for name, kind in taken.items()
                },
                decayed=min(max(l2.decayed - part.start, 0), part.stop - part.start),
                decay=l2.decay,
                penalty=own,
            )

        parts = _divide(len(theta), self._pieces, 64 // theta.itemsize)
        yield from (Stage(launches) for launches in _summed(parts, l2.penalty, piece))

    def _rows(self, matrix: Array) -> list[slice]:
        return _divide(len(matrix), self._pieces)

    def _batch_product(self, A: Array, B: Array, C: Array) -> Stage:
        """Divide C = A B whose rows are the batch's: by rows, unless C has more columns."""
        stage = self._divided_product(A, B, C)
        return _by_rows(stage.launches) if len(C) >= C.shape[1] else stage

    def _divided_product(self, A: Array, B: Array, C: Array) -> Stage:
        """Divide the longer side of C: each thread has to read the whole of the other operand."""
        if self._pieces == 1:
            return _side_by_side(self._product(A, B, C))
        gemm.require_product(A, B, C)
        rows, columns = C.shape
        if rows >= columns:
            parts = _divide(rows, self._pieces)
            return _side_by_side(*(self._product(A[part], B, C[part]) for part in parts))
        parts = _divide(columns, self._pieces)
        return _side_by_side(*(self._product(A, B[:, part], C[:, part]) for part in parts))

    def _summed_product(self, A: Array, delta: Array, grad_W: Array) -> Stages:
        """Multiply each thread's rows of the batch and add up: the products are less to move."""
        gemm.require_product(A.T, delta, grad_W)
        batch, parts = self._rows(A), self._rows(grad_W)
        products = [grad_W, *(np.zeros_like(grad_W) for _ in batch[1:])]
        yield _by_rows(
            self._product(A[rows].T, delta[rows], C)
            for rows, C in zip(batch, products, strict=True)
        )
        for other in products[1:]:
            yield _side_by_side(
                *(launch(loops.add, A=other[part], out=grad_W[part]) for part in parts)
            )


def _entries(A: SparseRows, first: int) -> dict[str, Array]:
    """Arguments of a loop that reads sparse rows of a batch from `first` on."""
    csr = A.matrix
    entries = {"data": csr.data, "indices": csr.indices, "indptr": csr.indptr}
    return {**entries, "order": A.order[first:], "cursor": A.cursor}


def _require_sparse(A: SparseRows, W: Array, rows: Array) -> None:
    """Raise a ValueError unless A W makes sense: machine code would read past the ends."""
    fits = W.shape == (A.matrix.columns, rows.shape[1])
    if not fits or not A.matrix.data.dtype == W.dtype == rows.dtype:
        raise ValueError(
            f"sparse rows of {A.matrix.columns} columns, {A.matrix.data.dtype}, do not go with "
            f"{W.shape} {W.dtype} and {rows.shape} {rows.dtype}"
        )


def _divide(length: int, pieces: int, step: int = 1) -> list[slice]:
    """Divide a length into equal parts, each a multiple of `step` but the last."""
    part = max(1, -(-length // (pieces * step))) * step
    starts = range(0, max(length, 1), part)
    return [slice(start, min(start + part, length)) for start in starts]


def _chunks(part: slice) -> slice:
    """Which of a vector's chunks a part of it is; it starts with one."""
    return slice(part.start // update_loops.CHUNK, -(-part.stop // update_loops.CHUNK))


def _activation(activation: Activation, A: Array, b: Array, rows: list[slice]) -> Stage:
    """A = sigma(A + b), in place."""
    if activation is Activation.SOFTMAX:
        return _by_rows(
            launch(loops.softmax, A=A[part], b=b, flat=A[part].reshape(-1)) for part in rows
        )
    return _by_rows(launch(loops.activate.of(activation), A=A[part], b=b) for part in rows)


def _by_rows(launches: Iterable[LoopLaunch]) -> Stage:
    return Stage(tuple(launches), by_rows=True)


def _side_by_side(*launches: LoopLaunch) -> Stage:
    return Stage(launches)


def _summed(
    parts: list[slice], total: Array, piece: Callable[[slice, Array], LoopLaunch]
) -> Iterator[tuple[LoopLaunch, ...]]:
    """Launches that add to a total: several parts need a sum each, collected at the end."""
    several = len(parts) > 1
    sums = np.zeros((len(parts), 8)) if several else total.reshape(1, 1)  # a cache line each
    yield tuple(piece(part, own[:1]) for part, own in zip(parts, sums, strict=True))
    if several:
        yield (launch(loops.collect, parts=sums.reshape(-1), total=total),)


kernels: Kernels = executed(Primitives())
"""The primitives, run undivided when they are called."""
