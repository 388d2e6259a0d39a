"""Many calls of one primitive as a single function."""

from collections.abc import Callable

from ..backends import Backend
from ..kernels import compiled
from ..kernels.replay import replay
from .primitives import Call


def repeated(backend: Backend, call: Call, calls: int) -> Callable[[], None]:
    """Prepare `calls` calls: recorded and replayed by machine code, or a loop in Python."""
    function: Callable[..., None] = getattr(backend.kernels, call.primitive)
    if backend.name == "compiled":
        stages = compiled.stages(function, call.arguments, pieces=1)
        launches = [launch for stage in stages for launch in stage.launches]
        run: Callable[[], None] = replay(launches, calls).run
        return run

    def loop() -> None:
        for _ in range(calls):
            function(*call.arguments)

    return loop
