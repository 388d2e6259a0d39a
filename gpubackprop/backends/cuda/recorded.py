"""A recorded step: launches of one device, and the CUDA Graph that they are captured in."""

import logging
from collections.abc import Callable, Sequence

from ...kernels.calls import Call, Naming, parts
from ...kernels.cuda.device import CaptureError, Device
from ...kernels.cuda.primitives import Primitives
from .fusion import fuse

_log = logging.getLogger("gpubackprop")


class RecordedStep:
    """Launches that calls of primitives consist of, fused where one pass over memory serves two."""

    def __init__(self, calls: list[Call], primitives: Primitives, device: Device) -> None:
        self.device = device
        self._calls = [(call, list(parts(primitives, call))) for call in fuse(calls)]
        self.launches = [each for _, made in self._calls for each in made]
        self._graph: Callable[[], None] | None = None

    def run_each(self) -> None:
        """Run it launch by launch.

        The first time loads what is loaded when it is first used, which may not happen in a
        capture.
        """
        for call, launches in self._calls:
            with Naming(call):
                for launch in launches:
                    launch.run()

    def run(self) -> None:
        """Run it as one graph; launch by launch, once the log has said why, if it cannot be one."""
        if self._graph is None:
            self._graph = captured(self, ()) or self.run_each
        self._graph()


def captured(step: RecordedStep, others: Sequence[RecordedStep]) -> Callable[[], None] | None:
    """Capture steps, each on its own device's stream, as branches of one graph.

    Each has run once. The graph is launched on the stream of the first one's device; None if it
    cannot be, and the log says why.
    """
    try:
        return step.device.capture(step.launches, [(o.device, o.launches) for o in others]).run
    except CaptureError as reason:
        _log.warning("no CUDA Graph, launching each kernel by itself: %s", reason)
        return None
