"""The primitives as cuBLAS products and fused passes; see `protocol` for what each one means.

A primitive is a sequence of launches. Called, it runs them; recorded, they are handed over to be
run again and again, or captured in a graph. Three primitives come on top of the protocol's:
each does in one pass what the algorithm calls one after the other, and `fusion` puts it in their
place.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..formulas import LOSSES, Activation, Loss
from ..group import Group
from ..kernel import Kernel, Kind, Launch
from ..masks import Mask
from ..native.arguments import Array
from ..optimizers import L2, SGD, Adam, Lion, RMSProp, Rule
from ..sparse import SparseRows
from . import layers, sums, updates
from .device import Device, Rounding
from .tile import COLUMNS, LANES, ROWS, THREADS, WARP, WARPS, WIDEST, WIDTH

Launches = Iterator[Launch]

_BLOCKS_PER_SM = 4
"""Blocks for each multiprocessor that keep it busy."""
_MAX_GRID_Y = 65_535
"""Blocks along y that a grid may have."""


class Primitives:
    """The protocol's primitives on one device; products of float32 may round their operands."""

    def __init__(self, device: Device, rounding: Rounding = Rounding.NONE) -> None:
        self._device = device
        self._rounding = rounding

    def gather(self, X: Array, order: Array, cursor: Array, out: Array) -> Launches:
        if X.shape[1] != out.shape[1]:
            raise ValueError(f"gather: {X.shape[1]} columns into {out.shape[1]}")
        row_stride, column_stride = (stride // X.itemsize for stride in X.strides)
        yield self._by_tiles(
            layers.gather,
            out,
            X=X,
            row_stride=row_stride,
            column_stride=column_stride,
            order=order,
            cursor=cursor,
            out=out,
            **_extent(out),
            lead=_lead(out),
            aligned=self._aligned(out, X) if column_stride == 1 else 0,
        )

    def advance(self, counter: Array, amount: int) -> Launches:
        arguments = {"counter": counter, "amount": amount}
        yield self._device.launch(sums.advance, (1, 1), (1, 1), arguments)

    def add(self, amount: Array, total: Array) -> Launches:
        yield self._by_groups(updates.add, {"amount": amount, "total": total})

    def all_reduce(self, total: Array, ranks: Group) -> Launches:
        yield self._device.all_reduce(total, ranks)

    def normalize(self, share: Array, alpha: float, decay: Array) -> Launches:
        yield self._one_block(
            sums.normalize,
            share=share,
            rows=len(share),
            lead=_lead(share),
            alpha=alpha,
            decay=decay,
        )

    def dense(
        self, A: Array, W: Array, b: Array, activation: Activation, Z: Array, out: Array
    ) -> Launches:
        yield self._product(A, W, Z)
        source, shifted = Z, layers.activate.of(Activation.IDENTITY)
        if self._device.address(Z) != self._device.address(out):  # sigma(Z) is wanted beside Z
            yield self._activate(shifted, Z, b, Z)
            b = self._device.zeros(len(b), b.dtype)
            if activation is Activation.SOFTMAX:
                yield self._activate(shifted, Z, b, out)
        if activation is Activation.SOFTMAX:
            yield self._softmax(out, b)
        else:
            yield self._activate(layers.activate.of(activation), source, b, out)

    def dense_and_slope(
        self, A: Array, W: Array, b: Array, activation: Activation, slope: Array, out: Array
    ) -> Launches:
        yield self._product(A, W, slope)
        yield self._activate(layers.activate_and_slope.of(activation), slope, b, out)

    def sparse_dense(
        self, A: SparseRows, W: Array, b: Array, activation: Activation, Z: Array, out: Array
    ) -> Launches:
        raise NotImplementedError("sparse_dense: no GPU computes with sparse examples")

    def dropout(self, A: Array, mask: Mask, out: Array) -> Launches:
        yield self._by_tiles(
            layers.dropout,
            out,
            A=A,
            out=out,
            threshold=mask.threshold,
            scale=mask.scale,
            key=mask.key,
            layer=mask.layer,
            seen=mask.seen,
            place=mask.place,
            cursor=mask.cursor,
            **_extent(out),
            lead=_same_lead(A, out),
            aligned=self._aligned(A, out),
        )

    def dropout_delta(self, dropped: Array, mask: Mask, delta: Array) -> Launches:
        yield self._by_tiles(
            layers.dropout_delta,
            delta,
            dropped=dropped,
            scale=mask.scale,
            delta=delta,
            **_extent(delta),
            lead=_same_lead(dropped, delta),
            aligned=self._aligned(dropped, delta),
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
    ) -> Launches:
        unused = self._device.empty(delta.shape[1], delta.dtype)
        yield from self.output_delta_and_bias_grad(
            A, Y, share, activation, loss, delta, total, unused, constant
        )

    def output_delta_and_bias_grad(
        self,
        A: Array,
        Y: Array,
        share: Array,
        activation: Activation,
        loss: Loss,
        delta: Array,
        total: Array,
        grad_b: Array,
        constant: Array | None = None,
    ) -> Launches:
        """`output_delta` and then `bias_grad` of its result, in one pass with the paired sigma."""
        if constant is None:
            constant = self._device.full(A.shape[1], LOSSES[loss].constant or 0.0, A.dtype)
        blocks, partial = self._sums(delta, grad_b)
        count = blocks * _tiles_across(delta)
        losses = self._device.empty(count, delta.dtype)
        yield self._tiled(
            layers.output_delta.of(loss),
            delta,
            blocks,
            A=A,
            Y=Y,
            share=share,
            constant=constant,
            delta=delta,
            sums=partial,
            losses=losses,
            **_extent(delta),
            lead=_same_lead(A, delta),
            Y_lead=_lead(Y),
            share_lead=_lead(share),
            aligned=self._aligned(A, Y, delta),
        )
        yield self._collect(losses, count, total)
        if loss.error_is_of(activation):
            yield from self._fold(blocks, partial, grad_b)
        elif activation is Activation.SOFTMAX:
            yield self._pull_softmax(delta, A)
            yield from self.bias_grad(delta, grad_b)
        else:
            yield from self._hadamard(delta, A, activation, grad_b)

    def softmax_output_layer(
        self,
        A: Array,
        W: Array,
        b: Array,
        out: Array,
        Y: Array,
        share: Array,
        delta: Array,
        total: Array,
        grad_b: Array,
    ) -> Launches:
        """`dense` with softmax, `output_delta` with cross-entropy and `bias_grad`.

        One pass after the product, for at most `WARP` outputs.
        """
        yield self._product(A, W, out)
        wanted = -(-len(out) // (4 * WARPS))  # four rows to a warp
        blocks = max(1, min(wanted, _BLOCKS_PER_SM * self._device.multiprocessors))
        partial = self._sums_of(blocks, grad_b)
        losses = self._device.empty(blocks, out.dtype)
        yield self._by_warps(
            layers.softmax_cross_entropy,
            blocks,
            A=out,
            b=b,
            Y=Y,
            share=share,
            delta=delta,
            sums=partial,
            losses=losses,
            **_extent(out),
            lead=_same_lead(out, delta),
            Y_lead=_lead(Y),
            share_lead=_lead(share),
        )
        yield self._collect(losses, blocks, total)
        yield from self._fold(blocks, partial, grad_b)

    def weight_grad(self, A: Array, delta: Array, grad_W: Array) -> Launches:
        yield self._product(A.T, delta, grad_W)

    def sparse_weight_grad(self, A: SparseRows, delta: Array, grad_W: Array) -> Launches:
        raise NotImplementedError("sparse_weight_grad: no GPU computes with sparse examples")

    def bias_grad(self, delta: Array, grad_b: Array) -> Launches:
        blocks, partial = self._sums(delta, grad_b)
        yield self._tiled(
            layers.bias_grad,
            delta,
            blocks,
            delta=delta,
            sums=partial,
            **_extent(delta),
            lead=_lead(delta),
            aligned=self._aligned(delta),
        )
        yield from self._fold(blocks, partial, grad_b)

    def hidden_delta(
        self, delta: Array, W: Array, saved: Array, activation: Activation | None, out: Array
    ) -> Launches:
        yield self._product(delta, W.T, out)
        if activation is not Activation.IDENTITY:
            unused = self._device.empty(out.shape[1], out.dtype)
            yield from self._hadamard(out, saved, activation, unused)

    def hidden_delta_and_bias_grad(
        self,
        delta: Array,
        W: Array,
        saved: Array,
        activation: Activation | None,
        out: Array,
        grad_b: Array,
    ) -> Launches:
        """`hidden_delta` and then `bias_grad` of its result, in one pass after the product."""
        yield self._product(delta, W.T, out)
        yield from self._hadamard(out, saved, activation, grad_b)

    def clip(self, grad: Array, largest: float, norm: Array) -> Launches:
        blocks, factor = self._blocks(len(grad)), self._device.zeros(1, np.dtype(np.float64))
        parts = self._device.empty(blocks, grad.dtype)
        yield self._by_groups(updates.squares, {"x": grad}, squares=parts)
        yield self._one_block(
            sums.clip_factor, parts=parts, count=blocks, largest=largest, factor=factor, norm=norm
        )
        yield self._by_groups(updates.scale, {"x": grad}, factor=factor)

    def sgd(self, theta: Array, grad: Array, state: SGD, l2: L2) -> Launches:
        yield from self._update(updates.sgd, theta, grad, state, l2)

    def adam(self, theta: Array, grad: Array, state: Adam, l2: L2) -> Launches:
        yield from self._update(updates.adam.of(state.form), theta, grad, state, l2)

    def rmsprop(self, theta: Array, grad: Array, state: RMSProp, l2: L2) -> Launches:
        yield from self._update(updates.rmsprop, theta, grad, state, l2)

    def lion(self, theta: Array, grad: Array, state: Lion, l2: L2) -> Launches:
        yield from self._update(updates.lion, theta, grad, state, l2)

    def _product(self, A: Array, B: Array, C: Array) -> Launch:
        return self._device.product(A, B, C, self._rounding)

    def _activate(self, kernel: Kernel, Z: Array, b: Array, out: Array) -> Launch:
        return self._by_tiles(
            kernel,
            out,
            Z=Z,
            b=b,
            out=out,
            **_extent(out),
            lead=_same_lead(Z, out),
            aligned=self._aligned(Z, out) and self._aligned(_row(b)),
        )

    def _softmax(self, A: Array, b: Array) -> Launch:
        return self._by_warps(
            layers.softmax,
            -(-len(A) // WARPS),
            A=A,
            b=b,
            **_extent(A),
            lead=_lead(A),
            aligned=self._aligned(A) and self._aligned(_row(b)),
        )

    def _pull_softmax(self, delta: Array, A: Array) -> Launch:
        return self._by_warps(
            layers.pull_softmax,
            -(-len(A) // WARPS),
            delta=delta,
            A=A,
            **_extent(A),
            lead=_same_lead(A, delta),
            aligned=self._aligned(A, delta),
        )

    def _hadamard(
        self, delta: Array, saved: Array, activation: Activation | None, grad_b: Array
    ) -> Launches:
        blocks, partial = self._sums(delta, grad_b)
        yield self._tiled(
            layers.hadamard if activation is None else layers.hadamard.of(activation),
            delta,
            blocks,
            delta=delta,
            saved=saved,
            sums=partial,
            **_extent(delta),
            lead=_same_lead(delta, saved),
            aligned=self._aligned(delta, saved),
        )
        yield from self._fold(blocks, partial, grad_b)

    def _update(self, kernel: Kernel, theta: Array, grad: Array, state: Rule, l2: L2) -> Launches:
        """Make an optimizer's pass; the kernel's parameters are named as its record's entries."""
        blocks, kinds = self._blocks(len(theta)), dict(kernel.parameters)
        penalties = self._device.empty(blocks, theta.dtype)
        whole = {"theta": theta, "grad": grad, **_with_decay_constants(state._asdict())}
        vectors = {name: x for name, x in whole.items() if kinds.get(name) is Kind.ELEMENTS}
        constants = {name: x for name, x in whole.items() if name in kinds and name not in vectors}
        l2s = {"decay": l2.decay, "penalties": penalties, "decayed": l2.decayed}
        yield self._by_groups(kernel, vectors, **constants, **l2s)
        yield self._collect(penalties, blocks, l2.penalty)

    def _collect(self, parts: Array, count: int, total: Array) -> Launch:
        return self._one_block(sums.collect, parts=parts, count=count, total=total)

    def _sums(self, matrix: Array, total: Array) -> tuple[int, Array]:
        """How many rows of blocks add up a matrix's columns, and where they leave the sums.

        Each thread adds up four rows at the least; a batch that one row of blocks can serve needs
        no second stage.
        """
        rows = len(matrix)
        blocks = 1 if rows <= 8 * ROWS else min(-(-rows // (4 * ROWS)), self._enough(matrix))
        return blocks, self._sums_of(blocks, total)

    def _sums_of(self, blocks: int, total: Array) -> Array:
        """Memory for the sums of each row of blocks; the total's own where one row is all."""
        return total if blocks == 1 else self._device.empty(blocks * len(total), total.dtype)

    def _fold(self, blocks: int, parts: Array, total: Array) -> Launches:
        if blocks > 1:
            grid, columns = (-(-len(total) // THREADS), 1), len(total)
            arguments = {"parts": parts, "rows": blocks, "columns": columns, "out": total}
            yield self._device.launch(sums.fold, grid, (THREADS, 1), arguments)

    def _one_block(self, kernel: Kernel, **arguments: Any) -> Launch:
        return self._device.launch(kernel, (1, 1), (THREADS, 1), arguments)

    def _by_warps(self, kernel: Kernel, blocks: int, **arguments: Any) -> Launch:
        """Launch over all rows of a matrix, a warp a row."""
        return self._device.launch(kernel, (blocks, 1), (WARP, WARPS), arguments)

    def _by_tiles(self, kernel: Kernel, out: Array, /, **arguments: Any) -> Launch:
        """Launch over all of a matrix, four rows to a thread where the matrix has enough."""
        down = -(-len(out) // ROWS)
        blocks = min(down, max(-(-down // 4), self._enough(out)), _MAX_GRID_Y)
        return self._tiled(kernel, out, blocks, **arguments)

    def _enough(self, matrix: Array) -> int:
        """How many rows of blocks keep the device busy."""
        return -(-_BLOCKS_PER_SM * self._device.multiprocessors // _tiles_across(matrix))

    def _by_groups(self, kernel: Kernel, vectors: dict[str, Array], **constants: Any) -> Launch:
        """Launch over all of some vectors, one or more groups of neighbours to a thread."""
        size = len(next(iter(vectors.values())))
        aligned = self._aligned(*map(_row, vectors.values()))
        arguments = {**vectors, **constants, "size": size, "aligned": aligned}
        return self._device.launch(kernel, (self._blocks(size), 1), (THREADS, 1), arguments)

    def _blocks(self, size: int) -> int:
        groups = -(-size // WIDTH)
        return max(1, min(-(-groups // THREADS), 2 * _BLOCKS_PER_SM * self._device.multiprocessors))

    def _tiled(self, kernel: Kernel, matrix: Array, down: int, /, **arguments: Any) -> Launch:
        grid = (_tiles_across(matrix), down)
        return self._device.launch(kernel, grid, (LANES, ROWS), arguments)

    def _aligned(self, *matrices: Array) -> int:
        """Whether every row of these starts on a boundary that the widest loads need."""
        starts = [self._device.address(M) for M in matrices]
        steps = [M.strides[0] for M in matrices if len(M) > 1]
        return int(all(byte % WIDEST == 0 for byte in (*starts, *steps)))


def _row(vector: Array) -> Array:
    return vector.reshape(1, -1)


def _tiles_across(matrix: Array) -> int:
    return -(-int(matrix.shape[1]) // COLUMNS)


def _lead(matrix: Array) -> int:
    """Elements from one row to the next."""
    rows, columns = matrix.shape
    if columns > 1 and matrix.strides[1] != matrix.itemsize:
        raise ValueError(f"a matrix of shape {matrix.shape} has strides {matrix.strides}")
    return int(matrix.strides[0] // matrix.itemsize) if rows > 1 else int(columns)


def _same_lead(M: Array, other: Array) -> int:
    if M.shape != other.shape or _lead(M) != _lead(other):
        raise ValueError(
            f"{M.shape} with strides {M.strides} and {other.shape} with {other.strides} "
            "are walked together: both must have the same layout"
        )
    return _lead(M)


def _extent(matrix: Array) -> dict[str, int]:
    rows, columns = matrix.shape
    return {"rows": rows, "columns": columns}


def _with_decay_constants(record: dict[str, Any]) -> dict[str, Any]:
    """Add log beta and 1 - beta, each rounded once, for each beta of an optimizer."""
    added = {}
    for number in "12":
        beta = record.get(f"beta_{number}")
        if beta is not None:
            added[f"log_beta_{number}"] = math.log(beta) if beta > 0 else -math.inf
            added[f"rest_{number}"] = 1 - beta
    return record | added
