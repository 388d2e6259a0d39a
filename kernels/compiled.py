"""The primitives as Numba loops and BLAS calls; see `protocol` for what each one means.

A primitive is a short sequence of launches. Called, it runs them; recorded (`launches`), it hands
them over to be replayed without Python.
"""

from collections.abc import Callable, Iterator
from functools import cache, wraps
from typing import Any, ParamSpec

import numpy as np

from . import blas
from .formulas import Activation, Loss
from .native.kernel import Kernel, Launch
from .native.layout import Array, Layout

P = ParamSpec("P")

_gather = Kernel("gather", Layout.STRIDED, Layout.INTEGERS, Layout.INTEGERS, Layout.MATRIX)
_advance = Kernel("advance", Layout.INTEGERS, Layout.COUNT)
_normalize = Kernel("normalize", Layout.MATRIX, Layout.NUMBER, Layout.REALS)
_copy = Kernel("copy", Layout.MATRIX, Layout.MATRIX)
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
    return Kernel("activate", Layout.MATRIX, Layout.VECTOR, variant=(activation,))


@cache
def _hadamard(activation: Activation) -> Kernel:
    return Kernel("hadamard", Layout.MATRIX, Layout.MATRIX, variant=(activation,))


@cache
def _output_delta(activation: Activation, loss: Loss) -> Kernel:
    matrices = (Layout.MATRIX,) * 4
    return Kernel("output_delta", *matrices, Layout.REALS, variant=(activation, loss))


def _primitive(plan: Callable[P, Iterator[Launch]]) -> Callable[P, None]:
    """Turn a generator of launches into a function that runs them, and keeps it as `launches`."""

    @wraps(plan)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        for launch in plan(*args, **kwargs):
            launch.run()

    run.launches = plan  # type: ignore[attr-defined]
    return run


def launches(primitive: Callable[..., None], arguments: tuple[Any, ...]) -> Iterator[Launch]:
    """Calls of machine code that make up one call of a primitive of this module."""
    plan: Callable[..., Iterator[Launch]] = primitive.launches  # type: ignore[attr-defined]
    return plan(*arguments)


def replay(calls: Array, repeats: int) -> Launch:
    """Launch that runs (entry, block) pairs in order, `repeats` times."""
    return Kernel("replay", Layout.INTEGERS, Layout.COUNT).launch(calls, repeats)


def _product(A: Array, B: Array, C: Array) -> Launch:
    launch = _gemm.launch(blas.gemm_call(A, B, C))
    return launch._replace(keep=(*launch.keep, A, B, C))


@_primitive
def gather(X: Array, order: Array, cursor: Array, out: Array) -> Iterator[Launch]:
    yield _gather.launch(X, order, cursor, out)


@_primitive
def advance(counter: Array, amount: int) -> Iterator[Launch]:
    yield _advance.launch(counter, amount)


@_primitive
def normalize(share: Array, alpha: float, decay: Array) -> Iterator[Launch]:
    yield _normalize.launch(share, alpha, decay)


@_primitive
def dense(
    A: Array, W: Array, b: Array, activation: Activation, Z: Array, out: Array
) -> Iterator[Launch]:
    yield _product(A, W, Z)
    if Z is not out:
        yield _activate(Activation.IDENTITY).launch(Z, b)
        yield _copy.launch(Z, out)
        b = np.zeros_like(b)
    yield _activate(activation).launch(out, b)


@_primitive
def output_delta(
    A: Array,
    Y: Array,
    share: Array,
    activation: Activation,
    loss: Loss,
    delta: Array,
    total: Array,
) -> Iterator[Launch]:
    yield _output_delta(activation, loss).launch(A, Y, share, delta, total)


@_primitive
def weight_grad(A: Array, delta: Array, grad_W: Array) -> Iterator[Launch]:
    yield _product(A.T, delta, grad_W)


@_primitive
def bias_grad(delta: Array, grad_b: Array) -> Iterator[Launch]:
    yield _bias_grad.launch(delta, grad_b)


@_primitive
def hidden_delta(
    delta: Array, W: Array, A: Array, activation: Activation, out: Array
) -> Iterator[Launch]:
    yield _product(delta, W.T, out)
    if activation is not Activation.IDENTITY:
        yield _hadamard(activation).launch(out, A)


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
) -> Iterator[Launch]:
    yield _sgd.launch(
        theta, grad, velocity, rate, momentum, int(nesterov), decayed, decay, penalty
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
) -> Iterator[Launch]:
    yield _adam.launch(
        theta, grad, m, v, t, rate, beta_1, beta_2, epsilon, decayed, decay, penalty
    )
