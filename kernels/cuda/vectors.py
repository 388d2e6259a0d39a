"""Four neighbouring elements at a time: what one thread loads, computes and stores.

A group of four that is whole and aligned to 16 bytes moves in one instruction (two for
float64). Where rows end in the middle of a group, or memory is not aligned, elements move one by
one, and what is missing counts as zero.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from .tile import WIDTH

Function = Callable[..., Any]
"""A kernel, or a function that kernels call."""


def device(function: Function) -> Function:
    """Mark a function that kernels call; the simulator calls any."""
    from numba import cuda

    if cuda.config.ENABLE_CUDASIM:
        return function
    marked: Function = cuda.jit(device=True)(function)
    return marked


class Fours(NamedTuple):
    """What a thread does with four elements of one type."""

    load: Function
    """load(p, at, count, aligned): elements at .. at + 3, those from `count` on zero."""
    store: Function
    """store(p, at, count, aligned, x): all but those from `count` on."""
    first: Function
    """first(x, count, rest): `rest` in place of those from `count` on."""
    add: Function
    subtract: Function
    multiply: Function
    scale: Function
    """scale(c, x): c times each."""
    total: Function
    """total(x): their sum."""


@cache
def fours(real: Any) -> Fours:
    """Make the operations, once for all kernels: Numba compiles each when it is first called."""
    from .intrinsics import load_whole, store_whole

    zero = real(0)

    def load(p: Any, at: int, count: int, aligned: int) -> Any:
        if aligned and count >= WIDTH:
            return load_whole(p, at)
        return (
            p[at] if count > 0 else zero,
            p[at + 1] if count > 1 else zero,
            p[at + 2] if count > 2 else zero,
            p[at + 3] if count > 3 else zero,
        )

    def store(p: Any, at: int, count: int, aligned: int, x: Any) -> None:
        if aligned and count >= WIDTH:
            store_whole(p, at, x)
            return
        if count > 0:
            p[at] = x[0]
        if count > 1:
            p[at + 1] = x[1]
        if count > 2:
            p[at + 2] = x[2]
        if count > 3:
            p[at + 3] = x[3]

    def first(x: Any, count: int, rest: Any) -> Any:
        return (
            x[0] if count > 0 else rest,
            x[1] if count > 1 else rest,
            x[2] if count > 2 else rest,
            x[3] if count > 3 else rest,
        )

    return Fours(
        device(load),
        device(store),
        device(first),
        pairwise(lambda x, y: x + y),
        pairwise(lambda x, y: x - y),
        pairwise(lambda x, y: x * y),
        device(lambda c, x: (c * x[0], c * x[1], c * x[2], c * x[3])),
        device(lambda x: (x[0] + x[1]) + (x[2] + x[3])),
    )


def each(formula: Function) -> Function:
    """Make f(x) of four elements from f of one."""
    f = device(formula)
    return device(lambda x: (f(x[0]), f(x[1]), f(x[2]), f(x[3])))


def each_twice(formula: Function) -> Function:
    """Make f(x) and g(x) of four elements from a function of one that returns both."""
    f = device(formula)

    @device
    def of_four(x: Any) -> Any:
        a, b, c, d = f(x[0]), f(x[1]), f(x[2]), f(x[3])
        return (a[0], b[0], c[0], d[0]), (a[1], b[1], c[1], d[1])

    return of_four


def pairwise(formula: Function) -> Function:
    """Make f(x, y) of four pairs from f of one."""
    f = device(formula)
    return device(lambda x, y: (f(x[0], y[0]), f(x[1], y[1]), f(x[2], y[2]), f(x[3], y[3])))


def in_threes(formula: Function) -> Function:
    """Make f(x, y, z) of four triples from f of one."""
    f = device(formula)
    return device(
        lambda x, y, z: (
            f(x[0], y[0], z[0]),
            f(x[1], y[1], z[1]),
            f(x[2], y[2], z[2]),
            f(x[3], y[3], z[3]),
        )
    )
