"""Time of one run of each of several pieces of work."""

import time

from ...backends import Backend
from ...backends.backend import Run

ROUNDS = 7
"""Number of measurements of each piece of work."""
SECONDS, QUICK_SECONDS = 0.1, 0.001
"""Seconds that one measurement takes."""


def in_turn(backend: Backend, works: dict[str, Run], quick: bool) -> dict[str, list[float]]:
    """Seconds that one run of each takes, measured one after the other (A B A B ...)."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    with backend.session():
        wanted = QUICK_SECONDS if quick else SECONDS
        repeats = {name: _enough(run, wanted) for name, run in works.items()}
        for _ in range(ROUNDS):
            for name, run in works.items():
                seconds[name].append(_seconds(run, repeats[name]))
    return seconds


def _enough(run: Run, seconds: float) -> int:
    """Count the runs that take this long, after a first one that warms up."""
    _seconds(run, 1)
    return max(1, round(seconds / _seconds(run, 1)))


def _seconds(run: Run, repeats: int) -> float:
    started = time.perf_counter()
    run(repeats)
    return (time.perf_counter() - started) / repeats
