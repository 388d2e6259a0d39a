"""Shapes of the micro-benchmarks, and many calls of one primitive as a single function."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from ..backends import Backend
from ..kernels import compiled
from ..kernels.replay import replay
from .problems import Array


class Shape(NamedTuple):
    """One layer of a network and its mini-batch."""

    batch: int
    fan_in: int
    fan_out: int
    calls: int
    """Calls in one measurement, so that Python's own call is not what is measured."""


SHAPES = {"tiny": Shape(32, 20, 32, calls=500), "mid": Shape(256, 256, 128, calls=50)}


class Draw(Protocol):
    """Draws an array of normal numbers."""

    def __call__(self, *shape: int) -> Array: ...


def repeated(
    backend: Backend, primitive: str, arguments: tuple[Any, ...], calls: int
) -> Callable[[], None]:
    """Prepare `calls` calls: recorded and replayed by machine code, or a loop in Python."""
    function: Callable[..., None] = getattr(backend.kernels, primitive)
    if backend.name == "compiled":
        stages = compiled.stages(function, arguments, pieces=1)
        launches = [launch for stage in stages for launch in stage.launches]
        run: Callable[[], None] = replay(launches, calls).run
        return run

    def loop() -> None:
        for _ in range(calls):
            function(*arguments)

    return loop
