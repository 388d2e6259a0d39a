"""Times of work on a GPU, from events on its stream."""

from collections.abc import Callable
from typing import Any

from ...kernels.kernel import Launch

Work = Callable[[], None]
"""Queues something on the GPU's stream."""

WARM = 3
"""Number of runs before the first that is counted."""


class Clock:
    """Times what is queued on one GPU's stream."""

    def __init__(self, gpu: Any) -> None:
        self._gpu = gpu

    def in_turn(self, works: dict[str, Work], rounds: int) -> dict[str, list[float]]:
        """Time each launch, one after the other, `rounds` times (A B A B ...)."""
        seconds: dict[str, list[float]] = {name: [] for name in works}
        with self._gpu:
            for _ in range(WARM):
                for work in works.values():
                    work()
            for _ in range(rounds):
                for name, work in works.items():
                    seconds[name].append(self._seconds(work))
        return seconds

    def _seconds(self, work: Work) -> float:
        cuda, stream = self._gpu.cupy.cuda, self._gpu.stream
        stream.synchronize()
        start, end = cuda.Event(), cuda.Event()
        start.record(stream)
        work()
        end.record(stream)
        end.synchronize()
        return float(cuda.get_elapsed_time(start, end)) / 1e3


def graph(gpu: Any, launches: list[Launch]) -> Work:
    """Capture launches in one graph, so that the host's calls are not what is measured."""
    with gpu:
        for launch in launches:
            launch.run()  # what is loaded at its first use may not be loaded in a capture
        captured: Work = gpu.capture(launches).run
    return captured
