"""Contestants that train one problem on equal terms, each in a process of its own, in turn."""

from typing import Any

from .report.section import Figures
from .service import Service, UnavailableError, those_that_last

ALONE = ("torch_compiled",)
"""Contestants that choose among kernels by timing them, so nothing else may run meanwhile."""
PATIENCE = 200.0
"""Seconds that a contestant may take to get ready, or to measure: compilers are slow."""
TOLERANCE = {"jax_cuda": 1e-4, "gpubackprop": 1e-4}
"""Relative difference of the first epoch's loss from ours that reordered sums explain."""
EPSILON_TOLERANCE = 5e-4
"""For PyTorch, which adds Adam's epsilon elsewhere."""


def race(problem: str, ours: str, others: tuple[str, ...], quick: bool) -> Figures:
    """Measure epochs of float32; a contestant that cannot is left out, ours excepted.

    Raises
    ------
    UnavailableError
        If ours cannot be measured.
    """
    pairs, seconds = (2, "0.02") if quick else (5, "0.3")
    row = (problem, "float32", "relu", "--seconds", seconds, *(["--smallest"] if quick else []))
    services: dict[str, Service] = {}
    left_out: dict[str, UnavailableError] = {}
    together = [name for name in (ours, *others) if name not in ALONE]
    try:
        for names in (together, [name for name in others if name in ALONE]):
            for name in names:
                services[name] = Service("worker.py", name, *row, patience=PATIENCE, wait=False)
            left_out |= _got_ready(services, names)
        if ours in left_out:
            raise left_out[ours]
        times, lost = those_that_last(services, pairs)
        if ours in lost:
            raise lost[ours]
        ready = {name: services[name].ready for name in times}
    finally:
        for service in services.values():
            service.close()
    reasons = {name: str(reason) for name, reason in (left_out | lost).items()}
    return {"case": problem, "seconds": times, "left out": reasons, **compared(ready, ours)}


def _got_ready(services: dict[str, Service], names: list[str]) -> dict[str, UnavailableError]:
    """Wait for these; take out those that cannot measure, with their reasons."""
    left_out = {}
    for name in names:
        try:
            services[name].get_ready()
        except UnavailableError as reason:
            left_out[name] = reason
            del services[name]
    return left_out


def compared(ready: dict[str, Any], ours: str) -> Figures:
    """Whether all have learnt the same, and what with."""
    mine = float(ready[ours]["losses"][0])
    differences = {
        name: abs(float(said["losses"][0]) - mine) / abs(mine)
        for name, said in ready.items()
        if name != ours
    }
    return {
        "losses differ by": differences,
        "something else": [n for n, d in differences.items() if not d <= allowed(n)],
        "versions": {name: said["versions"] for name, said in ready.items()},
    }


def allowed(name: str) -> float:
    """How far a contestant's first loss may lie from ours."""
    return TOLERANCE.get(name, EPSILON_TOLERANCE)
