"""The primitives as Numba loops and BLAS calls; see `protocol` for what each one means.

A primitive is a short sequence of stages, each divided into as many pieces as there are threads to
run them. Called, a primitive runs undivided; recorded (`stages`), its pieces are handed over to be
replayed without Python. Most stages are divided by rows: a thread then finds the rows that it needs
where it left them, and need not wait for the others.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache, wraps
from inspect import signature
from typing import Any, Concatenate, NamedTuple, ParamSpec

import numpy as np

from . import blas, gemm
from .formulas import Activation, Loss
from .native.arguments import Array, Layout
from .native.kernel import Kernel, Launch
from .optimizers import L2, SGD, Adam

P = ParamSpec("P")


class Stage(NamedTuple):
    """Launches that may run side by side."""

    launches: tuple[Launch, ...]
    by_rows: bool = False
    """Whether each piece reads and writes its own rows of the batch only."""


Plan = Iterator[Stage]

_NARROW = 1024
"""Bytes of a row up to which 1^T Delta is faster as a product: the BLAS walks down the columns."""

_gather = Kernel("loops.gather", Layout.STRIDED, Layout.INTEGERS, Layout.INTEGERS, Layout.MATRIX)
_advance = Kernel("loops.advance", Layout.INTEGERS, Layout.COUNT)
_normalize = Kernel("loops.normalize", Layout.MATRIX, Layout.NUMBER, Layout.REALS)
_copy = Kernel("loops.copy", Layout.MATRIX, Layout.MATRIX)
_add = Kernel("loops.add", Layout.MATRIX, Layout.MATRIX)
_collect = Kernel("loops.collect", Layout.REALS, Layout.REALS)
_gemm = Kernel("loops.gemm", Layout.INTEGERS)
_bias_grad = Kernel("loops.bias_grad", Layout.MATRIX, Layout.COUNT, Layout.VECTOR)
_sgd = Kernel(
    "loops.sgd",
    *(Layout.VECTOR, Layout.VECTOR, Layout.VECTOR),
    *(Layout.REALS, Layout.NUMBER, Layout.COUNT),
    *(Layout.COUNT, Layout.REALS, Layout.REALS),
)
_adam = Kernel(
    "loops.adam",
    *(Layout.VECTOR, Layout.VECTOR, Layout.VECTOR, Layout.VECTOR),
    *(Layout.INTEGERS, Layout.REALS, Layout.NUMBER, Layout.NUMBER, Layout.NUMBER),
    *(Layout.COUNT, Layout.REALS, Layout.REALS),
)


@cache
def _activate(activation: Activation) -> Kernel:
    flat = (Layout.VECTOR,) if activation is Activation.SOFTMAX else ()
    return Kernel("loops.activate", Layout.MATRIX, Layout.VECTOR, *flat, variant=(activation,))


@cache
def _hadamard(activation: Activation) -> Kernel:
    return Kernel("loops.hadamard", Layout.MATRIX, Layout.MATRIX, variant=(activation,))


@cache
def _output_delta(activation: Activation, loss: Loss) -> Kernel:
    matrices, flat = (Layout.MATRIX,) * 4, (Layout.VECTOR,) * 3
    variant = (activation, loss)
    return Kernel("loops.output_delta", *matrices, Layout.REALS, *flat, variant=variant)


def _primitive(plan: Callable[Concatenate[int, P], Plan]) -> Callable[P, None]:
    """Turn a plan into a function that runs it undivided, and keep it for `stages`."""

    @wraps(plan)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        for stage in plan(1, *args, **kwargs):
            for launch in stage.launches:
                launch.run()

    run.plan = plan  # type: ignore[attr-defined]
    mine = signature(plan)
    parameters = list(mine.parameters.values())[1:]
    run.__signature__ = mine.replace(parameters=parameters)  # type: ignore[attr-defined]
    return run


def stages(primitive: Callable[..., None], arguments: tuple[Any, ...], pieces: int) -> Plan:
    """Stages of one call of a primitive of this module, in so many pieces."""
    plan: Callable[..., Plan] = primitive.plan  # type: ignore[attr-defined]
    return plan(pieces, *arguments)


def _divide(length: int, pieces: int, step: int = 1) -> list[slice]:
    """Divide a length into equal parts, each a multiple of `step` but the last."""
    part = max(1, -(-length // (pieces * step))) * step
    starts = range(0, max(length, 1), part)
    return [slice(start, min(start + part, length)) for start in starts]


def product(A: Array, B: Array, C: Array) -> Launch:
    """Launch of the matrix product C = A B."""
    launch = _gemm.launch(blas.gemm_call(A, B, C))
    return launch._replace(keep=(*launch.keep, A, B, C))


def _divided_product(pieces: int, A: Array, B: Array, C: Array) -> Stage:
    """Divide the longer side of C: each thread has to read the whole of the other operand."""
    gemm.require_product(A, B, C)
    rows, columns = C.shape
    if rows >= columns:
        parts = _divide(rows, pieces)
        return Stage(tuple(product(A[part], B, C[part]) for part in parts), by_rows=True)
    parts = _divide(columns, pieces)
    return Stage(tuple(product(A, B[:, part], C[:, part]) for part in parts))


def _by_rows(launches: Iterable[Launch]) -> Stage:
    return Stage(tuple(launches), by_rows=True)


def _summed(parts: list[slice], total: Array, launch: Callable[[slice, Array], Launch]) -> Plan:
    """Launches that add to a total: several parts need a sum each, collected at the end."""
    several = len(parts) > 1
    sums = np.zeros((len(parts), 8)) if several else total.reshape(1, 1)  # a cache line each
    yield Stage(tuple(launch(part, own[:1]) for part, own in zip(parts, sums, strict=True)))
    if several:
        yield Stage((_collect.launch(sums.reshape(-1), total),))


@_primitive
def gather(pieces: int, X: Array, order: Array, cursor: Array, out: Array) -> Plan:
    if X.shape[1] != out.shape[1]:
        raise ValueError(f"gather: {X.shape[1]} columns into {out.shape[1]}")
    yield _by_rows(
        _gather.launch(X, order[rows.start :], cursor, out[rows])
        for rows in _divide(len(out), pieces)
    )


@_primitive
def advance(pieces: int, counter: Array, amount: int) -> Plan:
    yield Stage((_advance.launch(counter, amount),))


@_primitive
def add(pieces: int, amount: Array, total: Array) -> Plan:
    parts = _divide(len(total), pieces, step=64 // total.itemsize)
    rows = ((amount[part].reshape(1, -1), total[part].reshape(1, -1)) for part in parts)
    yield Stage(tuple(_add.launch(*pair) for pair in rows))


@_primitive
def normalize(pieces: int, share: Array, alpha: float, decay: Array) -> Plan:
    yield Stage((_normalize.launch(share, alpha, decay),))


@_primitive
def dense(
    pieces: int, A: Array, W: Array, b: Array, activation: Activation, Z: Array, out: Array
) -> Plan:
    parts = _divide(len(A), pieces)
    kernel = _activate(activation)
    yield _divided_product(pieces, A, W, Z)
    if Z is not out:
        add_bias = _activate(Activation.IDENTITY)
        yield _by_rows(add_bias.launch(Z[rows], b) for rows in parts)
        yield _by_rows(_copy.launch(Z[rows], out[rows]) for rows in parts)
        b = np.zeros_like(b)
    if activation is Activation.SOFTMAX:
        yield _by_rows(kernel.launch(out[rows], b, out[rows].reshape(-1)) for rows in parts)
    else:
        yield _by_rows(kernel.launch(out[rows], b) for rows in parts)


@_primitive
def output_delta(
    pieces: int,
    A: Array,
    Y: Array,
    share: Array,
    activation: Activation,
    loss: Loss,
    delta: Array,
    total: Array,
) -> Plan:
    kernel = _output_delta(activation, loss)

    def launch(rows: slice, own: Array) -> Launch:
        flat = (M[rows].reshape(-1) for M in (A, Y, delta))
        return kernel.launch(A[rows], Y[rows], share[rows], delta[rows], own, *flat)

    stage, *collected = _summed(_divide(len(A), pieces), total, launch)
    yield stage._replace(by_rows=True)
    yield from collected


@_primitive
def weight_grad(pieces: int, A: Array, delta: Array, grad_W: Array) -> Plan:
    if pieces > 1 and grad_W.size <= A.size + delta.size:
        yield from _summed_product(pieces, A, delta, grad_W)
    else:
        yield _divided_product(pieces, A.T, delta, grad_W)._replace(by_rows=False)


def _summed_product(pieces: int, A: Array, delta: Array, grad_W: Array) -> Plan:
    """Multiply each thread's rows of the batch and add up: the products are less to move."""
    gemm.require_product(A.T, delta, grad_W)
    batch, parts = _divide(len(A), pieces), _divide(len(grad_W), pieces)
    products = [grad_W, *(np.zeros_like(grad_W) for _ in batch[1:])]
    yield _by_rows(
        product(A[rows].T, delta[rows], C) for rows, C in zip(batch, products, strict=True)
    )
    for other in products[1:]:
        yield Stage(tuple(_add.launch(other[part], grad_W[part]) for part in parts))


@_primitive
def bias_grad(pieces: int, delta: Array, grad_b: Array) -> Plan:
    if grad_b.nbytes <= _NARROW:
        ones = np.ones((1, len(delta)), dtype=delta.dtype)
        yield _divided_product(pieces, ones, delta, grad_b.reshape(1, -1))._replace(by_rows=False)
        return
    parts = _divide(len(grad_b), pieces)
    yield Stage(tuple(_bias_grad.launch(delta, part.start, grad_b[part]) for part in parts))


@_primitive
def hidden_delta(
    pieces: int, delta: Array, W: Array, A: Array, activation: Activation, out: Array
) -> Plan:
    parts = _divide(len(out), pieces)
    yield _divided_product(pieces, delta, W.T, out)
    if activation is not Activation.IDENTITY:
        kernel = _hadamard(activation)
        yield _by_rows(kernel.launch(out[rows], A[rows]) for rows in parts)


@_primitive
def sgd(pieces: int, theta: Array, grad: Array, state: SGD, l2: L2) -> Plan:
    constants = (state.rate, state.momentum, int(state.nesterov))
    yield from _step(pieces, _sgd, (theta, grad, state.velocity), constants, l2)


@_primitive
def adam(pieces: int, theta: Array, grad: Array, state: Adam, l2: L2) -> Plan:
    m, v, *constants = state
    yield from _step(pieces, _adam, (theta, grad, m, v), tuple(constants), l2)


def _step(
    pieces: int,
    kernel: Kernel,
    vectors: tuple[Array, ...],
    constants: tuple[Any, ...],
    l2: L2,
) -> Plan:
    """Divide an optimizer's pass at cache lines; a part holds weights, then biases, or either."""

    def launch(part: slice, own: Array) -> Launch:
        weights = min(max(l2.decayed - part.start, 0), part.stop - part.start)
        parts = (vector[part] for vector in vectors)
        return kernel.launch(*parts, *constants, weights, l2.decay, own)

    parts = _divide(len(vectors[0]), pieces, 64 // vectors[0].itemsize)
    yield from _summed(parts, l2.penalty, launch)
