"""Cases measured in a process of their own: what ruins one leaves the next alone."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from .options import Options
from .report.section import Figures, Measure
from .service import Service, UnavailableError, module

PATIENCE = 300.0
"""Seconds that a case may take."""


def own_process(name: str) -> Callable[[Options], AbstractContextManager[Measure]]:
    """Have the cases of a section measured by its module's `measure(case, quick)`.

    Parameters
    ----------
    name : str
        The section module's `__name__`.

    Returns
    -------
    measuring : callable
        For `Section.measuring`. All cases share one process; after a crash the next has a new one.
    """

    @contextmanager
    def measuring(options: Options) -> Iterator[Measure]:
        process = _Process(name, *(["--quick"] if options.quick else []))
        try:
            yield process.measure
        finally:
            process.close()

    return measuring


class _Process:
    """A `case_worker`, started when there is none."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._service: Service | None = None

    def measure(self, case: str) -> Figures:
        """Measure one case; UnavailableError if the process ends."""
        if self._service is None:
            self._service = Service(*module("case_worker"), *self._arguments, patience=PATIENCE)
        try:
            return self._service.ask(case)
        except UnavailableError:
            self.close()
            raise

    def close(self) -> None:
        """End the process."""
        if self._service is not None:
            self._service.close()
            self._service = None
