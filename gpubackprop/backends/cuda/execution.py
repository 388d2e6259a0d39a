"""A step is recorded, fused, run once for real, and replayed as one CUDA Graph after that."""

import logging
from collections.abc import Callable
from functools import partial

from ...kernels.calls import Call, Naming, parts
from ...kernels.cuda.device import CaptureError, Device
from ...kernels.cuda.primitives import Primitives
from ...kernels.kernel import Launch
from ..backend import Run, Step
from ..recording import Recording
from .fusion import fuse

_log = logging.getLogger("gpubackprop")

Prepared = tuple[Call, list[Launch]]
"""A call of a primitive and the launches that it consists of."""


def preparing(primitives: Primitives, device: Device) -> Callable[[Step, int], Run]:
    """Make the `prepare` of a backend whose primitives run on this device."""

    def prepare(step: Step, multiply_adds: int) -> Run:
        """Record a step and return a function that runs it any number of times."""
        recording = Recording()
        step(recording.kernels)
        calls = [(call, list(parts(primitives, call))) for call in fuse(recording.calls)]
        return _Replay(calls, device)

    return prepare


class _Replay:
    """Runs launches: the first time one by one, from the second time on as one.

    The first time loads what is loaded when it is first used, which may not happen in a capture.
    """

    def __init__(self, calls: list[Prepared], device: Device) -> None:
        self._calls, self._device, self._runs = calls, device, 0
        self._run: Callable[[], None] = partial(_run_each, calls)

    def __call__(self, repeats: int) -> None:
        for _ in range(repeats):
            if self._runs == 1:
                self._run = self._captured()
            self._run()
            self._runs += 1

    def _captured(self) -> Callable[[], None]:
        try:
            return self._device.capture([each for _, made in self._calls for each in made]).run
        except CaptureError as reason:
            _log.warning("no CUDA Graph, launching each kernel by itself: %s", reason)
            return self._run


def _run_each(calls: list[Prepared]) -> None:
    for call, launches in calls:
        with Naming(call):
            for launch in launches:
                launch.run()
