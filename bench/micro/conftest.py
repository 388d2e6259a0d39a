"""What the micro-benchmarks share: backends, types, and how a function is timed."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import pytest
import threadpoolctl

from gpubackprop.backends import Backend, select
from gpubackprop.bench.primitives import SHAPES, Call, Draw, Shape
from gpubackprop.bench.problems import Array
from gpubackprop.bench.repeated import repeated

ROUNDS = 7


class Timed(Protocol):
    """Times a function that makes `calls` calls of `flops` operations, or `moved` bytes, each."""

    def __call__(
        self, function: Callable[[], Any], calls: int, flops: int, moved: int | None = None
    ) -> None: ...


Measure = Callable[[Call], None]
"""Times a primitive on one thread."""


@pytest.fixture(params=["compiled", "reference"])
def backend(request: pytest.FixtureRequest) -> Backend:
    return select(request.param, "cpu")


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=list(SHAPES))
def shape(request: pytest.FixtureRequest) -> Shape:
    return SHAPES[request.param]


@pytest.fixture
def normal(dtype: str) -> Draw:
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> Array:
        return rng.standard_normal(shape).astype(dtype)

    return draw


@pytest.fixture
def timed(benchmark: Any) -> Timed:
    def run(function: Callable[[], Any], calls: int, flops: int, moved: int | None = None) -> None:
        benchmark.pedantic(function, rounds=ROUNDS, warmup_rounds=1)
        benchmark.extra_info.update(calls=calls, flops=flops)
        if moved is not None:
            benchmark.extra_info["bytes"] = moved
        if benchmark.stats is None:  # --benchmark-disable
            return
        seconds = benchmark.stats.stats.median / calls
        benchmark.extra_info.update(seconds_per_call=seconds, gflop_per_s=flops / seconds / 1e9)
        if moved is not None:
            benchmark.extra_info["gb_per_s"] = moved / seconds / 1e9

    return run


@pytest.fixture
def measure(timed: Timed, backend: Backend, shape: Shape) -> Measure:
    def run(call: Call) -> None:
        function = repeated(backend, call, shape.calls)
        with threadpoolctl.threadpool_limits(1, "blas"):  # the roofline is one core's
            timed(function, shape.calls, call.flops, call.bytes)

    return run
