"""Fits that run at the same time on one GPU launch their mini-batches together.

A small network's mini-batch fills a fraction of a GPU. The steps of K fits are branches of one CUDA
Graph, which run side by side and cost one launch. None of it has run on a GPU.
"""

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

from ...kernels.cuda.device import Device
from .recorded import RecordedStep, captured

PATIENCE = 0.005
"""Seconds that a fit waits for the others, which may be busy with a callback; not measured."""


class _Joined(NamedTuple):
    """Steps that are launched together."""

    first: RecordedStep
    others: list[RecordedStep]
    run: Callable[[], None] | None
    """Runs each of them once; None where the device makes no one launch of them."""


class Rendezvous:
    """Where the fits of one GPU wait for each other before they launch their batches.

    Each fit has a device object of its own, with a stream. Who comes is a matter of time; no bit
    of what a fit computes depends on it.

    Parameters
    ----------
    patience : float
        Seconds that a fit waits at the most.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self.patience = patience
        self._changed = threading.Condition()
        self._devices: set[Device] = set()  # of the fits that have come once and not left
        self._due: dict[RecordedStep, int] = {}  # how often to run the steps that wait
        self._left: dict[RecordedStep, int] = {}  # and those that wait no more
        self._joined: dict[frozenset[RecordedStep], _Joined] = {}

    def run(self, step: RecordedStep, repeats: int) -> None:
        """Run a step a number of times: with those of the other fits, then what is left alone.

        Each fit makes its own last launches, so that one that fails is told in no other fit.
        """
        for _ in range(self._after_joined(step, repeats)):
            step.run()

    def leave(self, device: Device) -> None:
        """Let nobody wait any more for the fit whose device this is."""
        with self._changed:
            self._devices.discard(device)
            for steps in [steps for steps in self._joined if device in (s.device for s in steps)]:
                del self._joined[steps]
            self._changed.notify_all()

    def _after_joined(self, step: RecordedStep, repeats: int) -> int:
        """Run a step as often as those of the other fits want theirs; return what is left."""
        with self._changed:
            self._devices.add(step.device)
            self._due[step] = repeats
            try:
                self._changed.wait_for(lambda: self._may_go_on(step), self.patience)
                if step in self._due:
                    self._launch()
                    self._changed.notify_all()
                return self._left.pop(step)
            finally:  # where a launch failed, the others try theirs, and are told as well
                self._due.pop(step, None)

    def _may_go_on(self, step: RecordedStep) -> bool:
        """Whether no fit has to be waited for: all have come, or one of them has launched."""
        return step not in self._due or len(self._due) == len(self._devices)

    def _launch(self) -> None:
        """Run all that is due as often as all want it."""
        if len(self._due) > 1:
            self._run_joined(min(self._due.values()))
        self._left.update(self._due)
        self._due.clear()

    def _run_joined(self, repeats: int) -> None:
        steps = frozenset(self._due)
        if steps not in self._joined:
            self._joined[steps] = _join(list(self._due))
        first, others, run = self._joined[steps]
        if run is None:
            return
        for other in others:
            first.device.follow(other.device)
        for _ in range(repeats):
            run()
            for step in steps:  # one at a time, as a later launch may fail
                self._due[step] -= 1
        for other in others:
            other.device.follow(first.device)


def _join(steps: list[RecordedStep]) -> _Joined:
    """Make one launch of several steps, where the device can."""
    first, *others = steps
    return _Joined(first, others, captured(first, others))


_by_gpu: defaultdict[int, Rendezvous] = defaultdict(Rendezvous)


def of_gpu(index: int) -> Rendezvous:
    """Return where the fits of a GPU meet that have a thread each, such as those of a search."""
    return _by_gpu[index]
