"""The primitives as Numba loops and BLAS calls; see `protocol` for what each one means.

A primitive is a short sequence of stages: launches that may run side by side. Called, it runs them
one after the other; recorded (`stages`), it hands them over to be replayed without Python. How work
is divided depends on its size alone, never on the number of threads: nor do the results.
"""

from collections.abc import Callable, Iterator
from functools import cache, wraps
from typing import Any, ParamSpec

import numpy as np

from . import blas
from .formulas import Activation, Loss
from .native.kernel import Kernel, Launch
from .native.layout import Array, Layout, address

P = ParamSpec("P")

Stage = tuple[Launch, ...]
"""Launches that do not depend on each other."""

PIECE = 1 << 17
"""Elements of one launch: half a millisecond of Adam, long beside waking a thread."""


_gather = Kernel("gather", Layout.STRIDED, Layout.INTEGERS, Layout.INTEGERS, Layout.MATRIX)
_advance = Kernel("advance", Layout.INTEGERS, Layout.COUNT)
_normalize = Kernel("normalize", Layout.MATRIX, Layout.NUMBER, Layout.REALS)
_copy = Kernel("copy", Layout.MATRIX, Layout.MATRIX)
_collect = Kernel("collect", Layout.REALS, Layout.REALS)
_gemm = Kernel("gemm", Layout.INTEGERS)
_bias_grad = Kernel("bias_grad", Layout.MATRIX, Layout.VECTOR)
_sgd = Kernel(
    "sgd",
    *(Layout.VECTOR, Layout.VECTOR, Layout.VECTOR),
    *(Layout.REALS, Layout.NUMBER, Layout.COUNT),
    *(Layout.COUNT, Layout.REALS, Layout.REALS),
)
_adam = Kernel(
    "adam",
    *(Layout.VECTOR, Layout.VECTOR, Layout.VECTOR, Layout.VECTOR),
    *(Layout.INTEGERS, Layout.REALS, Layout.NUMBER, Layout.NUMBER, Layout.NUMBER),
    *(Layout.COUNT, Layout.REALS, Layout.REALS),
)


@cache
def _activate(activation: Activation) -> Kernel:
    flat = (Layout.VECTOR,) if activation is Activation.SOFTMAX else ()
    return Kernel("activate", Layout.MATRIX, Layout.VECTOR, *flat, variant=(activation,))


@cache
def _hadamard(activation: Activation) -> Kernel:
    return Kernel("hadamard", Layout.MATRIX, Layout.MATRIX, variant=(activation,))


@cache
def _output_delta(activation: Activation, loss: Loss) -> Kernel:
    matrices = (Layout.MATRIX,) * 4
    return Kernel("output_delta", *matrices, Layout.REALS, variant=(activation, loss))


def _primitive(plan: Callable[P, Iterator[Stage]]) -> Callable[P, None]:
    """Turn a generator of stages into a function that runs them, and keep it as `stages`."""

    @wraps(plan)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        for stage in plan(*args, **kwargs):
            for launch in stage:
                launch.run()

    run.stages = plan  # type: ignore[attr-defined]
    return run


def stages(primitive: Callable[..., None], arguments: tuple[Any, ...]) -> Iterator[Stage]:
    """Launches that make up one call of a primitive of this module."""
    plan: Callable[..., Iterator[Stage]] = primitive.stages  # type: ignore[attr-defined]
    return plan(*arguments)


def replay(launches: list[Launch]) -> Launch:
    """Launch that runs others in order; the last slot of its block says how many times."""
    calls = np.array([(launch.entry, address(launch.block)) for launch in launches]).ravel()
    whole = Kernel("replay", Layout.INTEGERS, Layout.COUNT).launch(calls, 1)
    return whole._replace(keep=(*whole.keep, launches))


def _pieces(length: int, width: int = 1) -> list[slice]:
    """Divide `length` rows of `width` elements into pieces worth a launch each."""
    rows = max(1, PIECE // width)
    return [slice(start, min(start + rows, length)) for start in range(0, length, rows)]


def _product(A: Array, B: Array, C: Array) -> Stage:
    launch = _gemm.launch(blas.gemm_call(A, B, C))
    return (launch._replace(keep=(*launch.keep, A, B, C)),)


@_primitive
def gather(X: Array, order: Array, cursor: Array, out: Array) -> Iterator[Stage]:
    yield tuple(
        _gather.launch(X, order[rows.start :], cursor, out[rows]) for rows in _pieces(*out.shape)
    )


@_primitive
def advance(counter: Array, amount: int) -> Iterator[Stage]:
    yield (_advance.launch(counter, amount),)


@_primitive
def normalize(share: Array, alpha: float, decay: Array) -> Iterator[Stage]:
    yield (_normalize.launch(share, alpha, decay),)


@_primitive
def dense(
    A: Array, W: Array, b: Array, activation: Activation, Z: Array, out: Array
) -> Iterator[Stage]:
    yield _product(A, W, Z)
    if Z is not out:
        yield (_activate(Activation.IDENTITY).launch(Z, b),)
        yield (_copy.launch(Z, out),)
        b = np.zeros_like(b)
    kernel = _activate(activation)
    if activation is Activation.SOFTMAX:
        yield (kernel.launch(out, b, out.reshape(-1)),)
    else:
        yield tuple(kernel.launch(out[rows], b) for rows in _pieces(*out.shape))


@_primitive
def output_delta(
    A: Array,
    Y: Array,
    share: Array,
    activation: Activation,
    loss: Loss,
    delta: Array,
    total: Array,
) -> Iterator[Stage]:
    yield (_output_delta(activation, loss).launch(A, Y, share, delta, total),)


@_primitive
def weight_grad(A: Array, delta: Array, grad_W: Array) -> Iterator[Stage]:
    yield _product(A.T, delta, grad_W)


@_primitive
def bias_grad(delta: Array, grad_b: Array) -> Iterator[Stage]:
    yield (_bias_grad.launch(delta, grad_b),)


@_primitive
def hidden_delta(
    delta: Array, W: Array, A: Array, activation: Activation, out: Array
) -> Iterator[Stage]:
    yield _product(delta, W.T, out)
    if activation is not Activation.IDENTITY:
        kernel = _hadamard(activation)
        yield tuple(kernel.launch(out[rows], A[rows]) for rows in _pieces(*out.shape))


@_primitive
def sgd(
    theta: Array,
    grad: Array,
    velocity: Array,
    rate: Array,
    momentum: float,
    nesterov: bool,
    decayed: int,
    decay: Array,
    penalty: Array,
) -> Iterator[Stage]:
    yield from _step(
        _sgd,
        (theta, grad, velocity),
        (rate, momentum, int(nesterov)),
        decayed,
        decay,
        penalty,
    )


@_primitive
def adam(
    theta: Array,
    grad: Array,
    m: Array,
    v: Array,
    t: Array,
    rate: Array,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    decayed: int,
    decay: Array,
    penalty: Array,
) -> Iterator[Stage]:
    yield from _step(
        _adam,
        (theta, grad, m, v),
        (t, rate, beta_1, beta_2, epsilon),
        decayed,
        decay,
        penalty,
    )


def _step(
    kernel: Kernel,
    vectors: tuple[Array, ...],
    constants: tuple[Any, ...],
    decayed: int,
    decay: Array,
    penalty: Array,
) -> Iterator[Stage]:
    """Divide an optimizer's pass; several pieces need a penalty each, collected at the end."""
    pieces = _pieces(len(vectors[0]))
    several = len(pieces) > 1
    penalties = np.zeros((len(pieces), 1)) if several else penalty.reshape(1, 1)
    yield tuple(
        kernel.launch(
            *(vector[piece] for vector in vectors),
            *constants,
            *(min(max(decayed - piece.start, 0), piece.stop - piece.start), decay, own),
        )
        for piece, own in zip(pieces, penalties, strict=True)
    )
    if several:
        yield (_collect.launch(penalties.reshape(-1), penalty),)
