"""Contestants that train problems on equal terms, each in a process of its own, in turn."""

import json
from statistics import median
from types import TracebackType
from typing import Any

from ..contestants import FLOOR
from ..options import Options
from ..problems import Problem
from ..ratios import Ratio
from ..report.section import Figures
from .service import CrashError, Service, UnavailableError, in_turn, module

PATIENCE = 300.0
"""Seconds that a contestant may take to get ready, or to measure: compilers are slow."""
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}
"""Relative difference of the first epoch's loss from ours that reordered sums explain."""
EPSILON_TOLERANCE = 5e-4
"""The tolerance for PyTorch, which adds Adam's epsilon elsewhere, in either type."""
EPSILON_MATTERS = {"deep": 1e-2}
"""PyTorch's tolerance on problems whose gradients are as small as epsilon.

Its first loss differs by 4.7e-3, by 3e-5 with epsilon added where we add it, and by 3.1e-2 with a
learning rate that is a tenth higher.
"""


class Race:
    """Processes of contestants, started once and kept from problem to problem.

    Contestants that cannot be measured are left out, with the reason.
    """

    def __init__(self, ours: str, others: tuple[str, ...], options: Options) -> None:
        self._ours, self._options = ours, options
        self._names = list(dict.fromkeys([ours, *others]))
        self._services: dict[str, Service] = {}
        self._declined: dict[str, UnavailableError] = {}

    def __enter__(self) -> "Race":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for service in self._services.values():
            service.close()
        self._services.clear()

    def run(self, case: str, problem: Problem, dtype: str, activation: str) -> Figures:
        """Measure epochs of one problem; UnavailableError if ours cannot be measured."""
        shape = problem.smallest() if self._options.quick else problem
        named = {"problem": shape._asdict(), "dtype": dtype, "activation": activation}
        ready, left_out = self._get_ready({**named, "seconds": self._options.seconds})
        services = {name: self._services[name] for name in ready}
        seconds, lost = in_turn(services, self._options.pairs)
        for name in lost:
            self._services.pop(name).close()
        left_out |= lost
        if self._ours in left_out:
            raise left_out[self._ours]
        reasons = {name: str(reason) for name, reason in left_out.items()}
        found = compared({name: ready[name] for name in seconds}, self._ours, problem.name, dtype)
        return {"case": case, **named, "seconds": seconds, "left out": reasons, **found}

    def _get_ready(
        self, task: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, UnavailableError]]:
        """Prepare one contestant after the other, as some choose among kernels by timing them."""
        crashed = self._start_missing()
        ready, left_out = {}, {**self._declined, **crashed}
        for name, service in list(self._services.items()):
            try:
                ready[name] = service.ask(json.dumps(task))
            except UnavailableError as reason:
                left_out[name] = reason
                if isinstance(reason, CrashError):
                    self._services.pop(name).close()
        return ready, left_out

    def _start_missing(self) -> dict[str, UnavailableError]:
        """Start all that do not run, then wait: they import their libraries side by side.

        A contestant that declines is not asked again; one that crashes is reported, and started
        again for the next case.
        """
        crashed: dict[str, UnavailableError] = {}
        missing = [n for n in self._names if n not in self._services and n not in self._declined]
        begun = {n: Service(*module("worker"), n, patience=PATIENCE, wait=False) for n in missing}
        self._services |= begun
        for name, service in begun.items():
            try:
                service.get_ready()
            except UnavailableError as reason:
                (crashed if isinstance(reason, CrashError) else self._declined)[name] = reason
                del self._services[name]
        return crashed


def compared(ready: dict[str, Any], ours: str, problem: str, dtype: str) -> Figures:
    """Compare first losses and list versions; a contestant without losses learns nothing."""
    mine = float(ready[ours]["losses"][0])
    differences = {
        name: abs(float(said["losses"][0]) - mine) / abs(mine)
        for name, said in ready.items()
        if name != ours and said["losses"]
    }
    wrong = [n for n, d in differences.items() if not d <= allowed(n, problem, dtype)]
    return {
        "losses differ by": differences,
        "something else": wrong,
        "versions": {name: said["versions"] for name, said in ready.items()},
    }


def allowed(name: str, problem: str, dtype: str) -> float:
    """How far a contestant's first loss may lie from ours."""
    if name.startswith("torch"):
        return EPSILON_MATTERS.get(problem, EPSILON_TOLERANCE)
    return TOLERANCE[dtype]


def ratio(figures: Figures, ours: str, name: str) -> Ratio:
    """Ratio of a contestant's time to ours; of ours to a floor's."""
    pair = (ours, name) if name == FLOOR else (name, ours)
    return Ratio.of(*(figures["seconds"][who] for who in pair))


def times(figures: Figures) -> dict[str, float]:
    """Median time of an epoch of each contestant, in milliseconds."""
    return {name: 1e3 * median(seconds) for name, seconds in figures["seconds"].items()}


def remarks(rows: list[Figures]) -> list[str]:
    """Say which contestants learn something else or are left out, and what was compared."""
    wrong = [
        f"{name} LEARNS SOMETHING ELSE on {figures['case']}: its first loss differs by "
        f"{figures['losses differ by'][name]:.0e}"
        for figures in rows
        for name in figures["something else"]
    ]
    differences = [d for figures in rows for d in figures["losses differ by"].values()]
    agree = [f"losses of the first epoch agree to {max(differences):.0e}"] if differences else []
    missing = {f"{n} is left out: {why}": 0 for r in rows for n, why in r["left out"].items()}
    versions = {name: said for figures in rows for name, said in figures["versions"].items()}
    compared = [
        f"{name} ({', '.join(f'{what} {value}' for what, value in said.items())})"
        for name, said in versions.items()
    ]
    return [*wrong, *(agree if not wrong else []), *missing, f"compared: {', '.join(compared)}"]
