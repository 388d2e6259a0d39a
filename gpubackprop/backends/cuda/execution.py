"""A step is recorded, fused, run once for real, and replayed as a CUDA Graph after that."""

from collections.abc import Callable

from ...kernels.cuda.device import Device
from ...kernels.cuda.primitives import Primitives
from ..backend import Run, Step
from ..recording import Recording
from .recorded import RecordedStep
from .rendezvous import Rendezvous


def preparing(
    primitives: Primitives, device: Device, fits: Rendezvous
) -> Callable[[Step, int], Run]:
    """Make the `prepare` of a backend whose primitives run on this device.

    What fits replay at the same time, they launch together.
    """

    def prepare(step: Step, multiply_adds: int) -> Run:
        """Record a step and return a function that runs it any number of times."""
        recording = Recording()
        step(recording.kernels)
        return _Replay(RecordedStep(recording.calls, primitives, device), fits)

    return prepare


class _Replay:
    """Runs a step: the first time launch by launch, from the second time on as a graph."""

    def __init__(self, step: RecordedStep, fits: Rendezvous) -> None:
        self._step, self._fits, self._ran = step, fits, False

    def __call__(self, repeats: int) -> None:
        if repeats and not self._ran:
            self._step.run_each()
            self._ran = True
            repeats -= 1
        if repeats:
            self._fits.run(self._step, repeats)
