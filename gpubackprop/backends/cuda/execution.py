"""A step is recorded, fused, run once for real, and replayed as one CUDA Graph after that."""

import logging
from collections.abc import Callable
from itertools import chain

from ...kernels.cuda.device import CaptureError, Device, Launch
from ...kernels.cuda.primitives import Primitives
from ...tape import Tape
from ..backend import Run, Step
from .fusion import fuse

_log = logging.getLogger("gpubackprop")


def preparing(kernels: Primitives, device: Device) -> Callable[[Step, int], Run]:
    """Make the `prepare` of a backend whose primitives run on this device."""

    def prepare(step: Step, multiply_adds: int) -> Run:
        """Record a step and return a function that runs it any number of times."""
        tape = Tape(kernels)
        step(tape.recorder)
        calls = fuse(tape.calls, kernels)
        launches = list(chain.from_iterable(kernels.launches(*call) for call in calls))
        return _Replay(launches, device)

    return prepare


class _Replay:
    """Runs launches: the first time one by one, from the second time on as one.

    The first time loads what is loaded when it is first used, which may not happen in a capture.
    """

    def __init__(self, launches: list[Launch], device: Device) -> None:
        self._launches, self._device = launches, device
        self._next: Callable[[], None] = self._run_first

    def __call__(self, repeats: int) -> None:
        for _ in range(repeats):
            self._next()

    def _run_first(self) -> None:
        self._run_each()
        self._next = self._run_second

    def _run_second(self) -> None:
        try:
            self._next = self._device.capture(self._launches)
        except CaptureError as reason:
            _log.warning("no CUDA Graph, launching each kernel by itself: %s", reason)
            self._next = self._run_each
        self._next()

    def _run_each(self) -> None:
        for launch in self._launches:
            launch()
