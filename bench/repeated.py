"""Many calls of one primitive as a single function."""

from collections.abc import Callable

from ..backends import Backend
from ..kernels.calls import called, parts
from ..kernels.compiled import Primitives
from ..kernels.replay import replay
from .primitives import Call


def repeated(backend: Backend, call: Call, calls: int) -> Callable[[], None]:
    """Prepare `calls` calls: recorded and replayed by machine code, or a loop in Python."""
    if backend.name == "compiled":
        stages = parts(Primitives(), called(Primitives, call.primitive, *call.arguments))
        launches = [launch for stage in stages for launch in stage.launches]
        run: Callable[[], None] = replay(launches, calls).run
        return run

    function: Callable[..., None] = getattr(backend.kernels, call.primitive)

    def loop() -> None:
        for _ in range(calls):
            function(*call.arguments)

    return loop
