"""Cases measured in a process of their own: what ruins one leaves the next alone."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager

from .options import Options
from .report.section import Measure
from .service import Restarted, module

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
        quick = ["--quick"] if options.quick else []
        process = Restarted(*module("case_worker"), name, *quick, patience=PATIENCE)
        with closing(process):
            yield process.ask

    return measuring
