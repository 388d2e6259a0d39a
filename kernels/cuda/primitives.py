"""The primitives as cuBLAS products and fused passes; see `protocol` for what each one means.

A primitive is a sequence of launches. Called, it runs them; recorded (`launches`), they are handed
over to be run again and again, or captured in a graph. Three primitives stand here besides the
protocol's: each does in one pass what the algorithm calls one after the other, and `fusion` puts it
in their place.
"""

import math
from collections.abc import Callable, Iterator
from functools import update_wrapper
from inspect import signature
from typing import Any, Concatenate, ParamSpec

import numpy as np

from ..formulas import Activation, Loss
from ..native.arguments import Array
from ..optimizers import L2, SGD, Adam
from .device import Device, Launch, Rounding
from .kernel import Kernel, Parameter
from .tile import COLUMNS, LANES, ROWS, THREADS, WARP, WARPS, WIDEST, WIDTH

P = ParamSpec("P")
Plan = Iterator[Launch]

_REALS, _INTEGERS, _DOUBLES = Parameter.REALS, Parameter.INTEGERS, Parameter.DOUBLES
_COUNT, _NUMBER, _DOUBLE = Parameter.COUNT, Parameter.NUMBER, Parameter.DOUBLE

_GATHER = Kernel(
    "layers.gather",
    (_REALS, _COUNT, _COUNT, _INTEGERS, _INTEGERS, _REALS, _COUNT, _COUNT, _COUNT, _COUNT),
)
_ADVANCE = Kernel("sums.advance", (_INTEGERS, _COUNT))
_NORMALIZE = Kernel("sums.normalize", (_REALS, _COUNT, _COUNT, _DOUBLE, _DOUBLES))
_FOLD = Kernel("sums.fold", (_REALS, _COUNT, _COUNT, _REALS))
_COLLECT = Kernel("sums.collect", (_REALS, _COUNT, _DOUBLES))
_ADD = Kernel("updates.add", (_REALS, _REALS, _COUNT, _COUNT))
_SOFTMAX = Kernel("layers.softmax", (_REALS, _REALS, _COUNT, _COUNT, _COUNT, _COUNT))
_SOFTMAX_CROSS_ENTROPY = Kernel("layers.softmax_cross_entropy", (*(_REALS,) * 7, *(_COUNT,) * 5))
_BIAS_GRAD = Kernel("layers.bias_grad", (_REALS, _REALS, _COUNT, _COUNT, _COUNT, _COUNT))
_SGD = Kernel(
    "updates.sgd",
    (
        *(_REALS, _REALS, _REALS, _DOUBLES, _NUMBER, _COUNT, _DOUBLES, _REALS),
        *(_COUNT, _COUNT, _COUNT),
    ),
)
_ADAM = Kernel(
    "updates.adam",
    (
        *(_REALS, _REALS, _REALS, _REALS, _INTEGERS, _DOUBLES),
        *(_NUMBER,) * 7,
        *(_DOUBLES, _REALS, _COUNT, _COUNT, _COUNT),
    ),
)

_ENOUGH = 4
"""Blocks for each multiprocessor that keep it busy."""
_MOST_DOWN = 65_535
"""Blocks along y that a grid may have."""


def _primitive(
    plan: "Callable[Concatenate[Primitives, P], Plan]",
) -> "Callable[Concatenate[Primitives, P], None]":
    """Turn a plan into a method that runs it at once, and keep it for `launches`."""

    def run(self: "Primitives", /, *args: P.args, **kwargs: P.kwargs) -> None:
        for launch in plan(self, *args, **kwargs):
            launch()

    update_wrapper(run, plan)
    run.plan = plan  # type: ignore[attr-defined]
    run.__signature__ = signature(plan).replace(return_annotation=None)  # type: ignore[attr-defined]
    return run


class Primitives:
    """The protocol's primitives on one device.

    Parameters
    ----------
    device : Device
        What runs them.
    rounding : Rounding
        How matrix products of float32 may round their operands.
    """

    def __init__(self, device: Device, rounding: Rounding = Rounding.NONE) -> None:
        self._device = device
        self._rounding = rounding

    def launches(self, primitive: Callable[..., None], arguments: tuple[Any, ...]) -> list[Launch]:
        """Launches of one call of a primitive of this object; their scratch memory is theirs."""
        plan: Callable[..., Plan] = primitive.plan  # type: ignore[attr-defined]
        return list(plan(self, *arguments))

    @_primitive
    def gather(self, X: Array, order: Array, cursor: Array, out: Array) -> Plan:
        if X.shape[1] != out.shape[1]:
            raise ValueError(f"gather: {X.shape[1]} columns into {out.shape[1]}")
        strides = [stride // X.itemsize for stride in X.strides]
        aligned = self._aligned(out, X) if strides[1] == 1 else 0
        arguments = (X, *strides, order, cursor, out, *out.shape, _lead(out), aligned)
        yield self._by_tiles(_GATHER, out, arguments)

    @_primitive
    def advance(self, counter: Array, amount: int) -> Plan:
        any_type = np.dtype(np.float64)
        yield self._device.launch(_ADVANCE, any_type, (1, 1), (1, 1), (counter, amount))

    @_primitive
    def add(self, amount: Array, total: Array) -> Plan:
        vectors = amount, total
        yield self._by_groups(_ADD, vectors, (*vectors, len(total), self._aligned_vectors(vectors)))

    @_primitive
    def normalize(self, share: Array, alpha: float, decay: Array) -> Plan:
        arguments = (share, len(share), _lead(share), alpha, decay)
        yield self._device.launch(_NORMALIZE, share.dtype, (1, 1), (THREADS, 1), arguments)

    @_primitive
    def dense(
        self, A: Array, W: Array, b: Array, activation: Activation, Z: Array, out: Array
    ) -> Plan:
        yield self._product(A, W, Z)
        source = Z
        if self._device.address(Z) != self._device.address(out):  # sigma(Z) is wanted beside Z
            yield self._activate(Activation.IDENTITY, Z, b, Z)
            b = self._device.zeros(len(b), b.dtype)
            if activation is Activation.SOFTMAX:
                yield self._activate(Activation.IDENTITY, Z, b, out)
        if activation is Activation.SOFTMAX:
            yield self._softmax(out, b)
        else:
            yield self._activate(activation, source, b, out)

    @_primitive
    def output_delta(
        self,
        A: Array,
        Y: Array,
        share: Array,
        activation: Activation,
        loss: Loss,
        delta: Array,
        total: Array,
    ) -> Plan:
        unused = self._device.empty(delta.shape[1], delta.dtype)
        arguments = (A, Y, share, activation, loss, delta, total, unused)
        yield from self.launches(self.output_delta_and_bias_grad, arguments)

    @_primitive
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
    ) -> Plan:
        """`output_delta` and then `bias_grad` of its result, in one pass."""
        kernel = Kernel("layers.output_delta", (_REALS,) * 6 + (_COUNT,) * 6, (activation, loss))
        blocks, sums = self._sums(delta, grad_b)
        count = blocks * _tiles_across(delta)
        losses = self._device.empty(count, delta.dtype)
        leads = (_same_lead(A, delta), _lead(Y), _lead(share))
        arguments = (A, Y, share, delta, sums, losses, *delta.shape, *leads)
        yield self._tiled(kernel, delta, blocks, (*arguments, self._aligned(A, Y, delta)))
        yield self._collect(losses, count, total)
        yield from self._fold(blocks, sums, grad_b)

    @_primitive
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
    ) -> Plan:
        """`dense` with softmax, `output_delta` with cross-entropy and `bias_grad`.

        One pass after the product, for at most `WARP` outputs.
        """
        yield self._product(A, W, out)
        wanted = -(-len(out) // (4 * WARPS))  # four rows to a warp
        blocks = max(1, min(wanted, _ENOUGH * self._device.multiprocessors))
        sums = self._sums_of(blocks, grad_b)
        losses = self._device.empty(blocks, out.dtype)
        leads = (_same_lead(out, delta), _lead(Y), _lead(share))
        arguments = (out, b, Y, share, delta, sums, losses, *out.shape, *leads)
        grid, block = (blocks, 1), (WARP, WARPS)
        yield self._device.launch(_SOFTMAX_CROSS_ENTROPY, out.dtype, grid, block, arguments)
        yield self._collect(losses, blocks, total)
        yield from self._fold(blocks, sums, grad_b)

    @_primitive
    def weight_grad(self, A: Array, delta: Array, grad_W: Array) -> Plan:
        yield self._product(A.T, delta, grad_W)

    @_primitive
    def bias_grad(self, delta: Array, grad_b: Array) -> Plan:
        blocks, sums = self._sums(delta, grad_b)
        arguments = (delta, sums, *delta.shape, _lead(delta), self._aligned(delta))
        yield self._tiled(_BIAS_GRAD, delta, blocks, arguments)
        yield from self._fold(blocks, sums, grad_b)

    @_primitive
    def hidden_delta(
        self, delta: Array, W: Array, A: Array, activation: Activation, out: Array
    ) -> Plan:
        yield self._product(delta, W.T, out)
        if activation is not Activation.IDENTITY:
            unused = self._device.empty(out.shape[1], out.dtype)
            yield from self._hadamard(out, A, activation, unused)

    @_primitive
    def hidden_delta_and_bias_grad(
        self, delta: Array, W: Array, A: Array, activation: Activation, out: Array, grad_b: Array
    ) -> Plan:
        """`hidden_delta` and then `bias_grad` of its result, in one pass after the product."""
        yield self._product(delta, W.T, out)
        yield from self._hadamard(out, A, activation, grad_b)

    @_primitive
    def sgd(self, theta: Array, grad: Array, state: SGD, l2: L2) -> Plan:
        vectors = (theta, grad, state.velocity)
        constants = (state.rate, state.momentum, int(state.nesterov))
        yield from self._update(_SGD, vectors, constants, l2)

    @_primitive
    def adam(self, theta: Array, grad: Array, state: Adam, l2: L2) -> Plan:
        m, v, t, rate, beta_1, beta_2, epsilon = state
        smallest = float(np.finfo(theta.dtype).tiny)  # an epsilon that rounds to 0 makes 0/0
        constants = (t, rate, *_decays(beta_1), *_decays(beta_2), max(epsilon, smallest))
        yield from self._update(_ADAM, (theta, grad, m, v), constants, l2)

    def _product(self, A: Array, B: Array, C: Array) -> Launch:
        return self._device.product(A, B, C, self._rounding)

    def _activate(self, activation: Activation, Z: Array, b: Array, out: Array) -> Launch:
        kernel = Kernel("layers.activate", (_REALS,) * 3 + (_COUNT,) * 4, (activation,))
        aligned = self._aligned(Z, out) and self._aligned(_row(b))
        return self._by_tiles(kernel, out, (Z, b, out, *out.shape, _same_lead(Z, out), aligned))

    def _softmax(self, A: Array, b: Array) -> Launch:
        grid = (-(-len(A) // WARPS), 1)
        aligned = self._aligned(A) and self._aligned(_row(b))
        arguments = (A, b, *A.shape, _lead(A), aligned)
        return self._device.launch(_SOFTMAX, A.dtype, grid, (WARP, WARPS), arguments)

    def _hadamard(self, delta: Array, A: Array, activation: Activation, grad_b: Array) -> Plan:
        kernel = Kernel("layers.hadamard", (_REALS,) * 3 + (_COUNT,) * 4, (activation,))
        blocks, sums = self._sums(delta, grad_b)
        shape = (*delta.shape, _same_lead(delta, A), self._aligned(delta, A))
        yield self._tiled(kernel, delta, blocks, (delta, A, sums, *shape))
        yield from self._fold(blocks, sums, grad_b)

    def _update(
        self,
        kernel: Kernel,
        vectors: tuple[Array, ...],
        constants: tuple[Any, ...],
        l2: L2,
    ) -> Plan:
        blocks = self._blocks(len(vectors[0]))
        parts = self._device.empty(blocks, vectors[0].dtype)
        extent = (l2.decayed, len(vectors[0]), self._aligned_vectors(vectors))
        yield self._by_groups(kernel, vectors, (*vectors, *constants, l2.decay, parts, *extent))
        yield self._collect(parts, blocks, l2.penalty)

    def _collect(self, parts: Array, count: int, total: Array) -> Launch:
        return self._device.launch(
            _COLLECT, parts.dtype, (1, 1), (THREADS, 1), (parts, count, total)
        )

    def _sums(self, matrix: Array, total: Array) -> tuple[int, Array]:
        """How many rows of blocks add up a matrix's columns, and where they leave the sums.

        Each thread adds up four rows at the least; a batch that one row of blocks can serve needs
        no second stage.
        """
        rows = len(matrix)
        blocks = 1 if rows <= 8 * ROWS else min(-(-rows // (4 * ROWS)), self._enough(matrix))
        return blocks, self._sums_of(blocks, total)

    def _sums_of(self, blocks: int, total: Array) -> Array:
        """Room for one row of sums for each row of blocks; that of the total if there is one."""
        return total if blocks == 1 else self._device.empty(blocks * len(total), total.dtype)

    def _fold(self, blocks: int, sums: Array, total: Array) -> Plan:
        if blocks > 1:
            grid, columns = (-(-len(total) // THREADS), 1), len(total)
            arguments = (sums, blocks, columns, total)
            yield self._device.launch(_FOLD, total.dtype, grid, (THREADS, 1), arguments)

    def _by_tiles(self, kernel: Kernel, out: Array, arguments: tuple[Any, ...]) -> Launch:
        """Launch over all of a matrix, four rows to a thread where there are enough of them."""
        down = -(-len(out) // ROWS)
        blocks = min(down, max(-(-down // 4), self._enough(out)), _MOST_DOWN)
        return self._tiled(kernel, out, blocks, arguments)

    def _enough(self, matrix: Array) -> int:
        """How many rows of blocks keep the device busy."""
        return -(-_ENOUGH * self._device.multiprocessors // _tiles_across(matrix))

    def _by_groups(
        self, kernel: Kernel, vectors: tuple[Array, ...], arguments: tuple[Any, ...]
    ) -> Launch:
        """Launch over all of a vector, one or more groups of neighbours to a thread."""
        grid = (self._blocks(len(vectors[0])), 1)
        return self._device.launch(kernel, vectors[0].dtype, grid, (THREADS, 1), arguments)

    def _blocks(self, size: int) -> int:
        groups = -(-size // WIDTH)
        return max(1, min(-(-groups // THREADS), 2 * _ENOUGH * self._device.multiprocessors))

    def _tiled(self, kernel: Kernel, out: Array, down: int, arguments: tuple[Any, ...]) -> Launch:
        grid = (_tiles_across(out), down)
        return self._device.launch(kernel, out.dtype, grid, (LANES, ROWS), arguments)

    def _aligned(self, *matrices: Array) -> int:
        """Whether every row of these starts on a boundary that the widest loads need."""
        starts = [self._device.address(M) for M in matrices]
        steps = [M.strides[0] for M in matrices if len(M) > 1]
        return int(all(byte % WIDEST == 0 for byte in (*starts, *steps)))

    def _aligned_vectors(self, vectors: tuple[Array, ...]) -> int:
        return self._aligned(*map(_row, vectors))


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
            "are walked together: both must lie alike"
        )
    return _lead(M)


def _decays(beta: float) -> tuple[float, float, float]:
    """beta, log beta and 1 - beta, each rounded once."""
    return beta, math.log(beta) if beta > 0 else -math.inf, 1 - beta
