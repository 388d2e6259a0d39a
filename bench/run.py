"""Measures sections case by case into a report; what fails or is cut off spoils no other row."""

import os
import time
from collections.abc import Callable, Iterable

from .. import __version__
from ..backends.cuda import detection
from . import host
from .options import Options
from .processes.service import CrashError, UnavailableError
from .report.part import cells
from .report.report import Report
from .report.section import Figures, Section

Say = Callable[[str], None]
"""Shows a line of progress."""

LIBRARIES = (*detection.CUPY, "numba-cuda", "numba", "numpy", "scikit-learn", "torch", "jax")

TOO_LATE = "there was no time left; see --minutes"


def run(
    report: Report, sections: Iterable[Section], options: Options, deadline: float, say: Say
) -> bool:
    """Measure sections one after the other; no row is begun after the deadline of `time.monotonic`.

    Each row is kept as soon as it is measured. Return whether every one was, except those that need
    a GPU or library that is missing.
    """
    usable, reason = detection.status()
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # leave the others some memory
    sound, without = True, []
    for section in sections:
        if section.needs_gpu and not usable:
            report.leave_out(section.name, reason)
            without.append(section.name)
        elif time.monotonic() > deadline:
            report.leave_out(section.name, TOO_LATE)
            say(f"\n{section.title}\n  not measured, {TOO_LATE}")
            sound = False
        else:
            sound &= _measured(report, section, options, deadline, say)
    if without:
        say(f"\nWithout a GPU these are left out: {', '.join(without)}. {reason}")
    return sound


def _measured(
    report: Report, section: Section, options: Options, deadline: float, say: Say
) -> bool:
    """Measure a section's cases; one that fails stops no other. Return whether none failed."""
    say(f"\n{section.title}")
    report.begin(section.name)
    cases, sound = section.cases(options), True
    with section.measuring(options) as measure:
        for at, case in enumerate(cases, 1):
            try:
                if time.monotonic() > deadline:
                    raise TimeoutError(TOO_LATE)
                figures = measure(case) | ({"toy": True} if options.quick else {})
                report.add(section.name, figures)
                say(f"  {at}/{len(cases)}  {_words(section, figures)}")
            except Exception as reason:
                report.miss(section.name, case, str(reason) or repr(reason))
                say(f"  {at}/{len(cases)}  {case}: not measured, {reason}")
                sound &= isinstance(reason, UnavailableError) and not isinstance(reason, CrashError)
    return sound


def _words(section: Section, figures: Figures) -> str:
    """Write a row as a line."""
    case, *found = cells(section, figures)
    named = zip(section.header[1:], found, strict=True)
    return f"{case}: " + "; ".join(f"{name} {cell}" for name, cell in named if cell)


def machine(options: Options) -> str:
    """Name processor, GPU, system and versions, in one line."""
    usable, reason = detection.status()
    versions = detection.installed(LIBRARIES)
    return "; ".join(
        [
            *(["toy sizes, the ratios mean nothing"] if options.quick else []),
            host.describe(),
            reason if usable else f"no GPU: {reason}",
            ", ".join(f"{name} {number}" for name, number in versions.items()),
            f"gpubackprop {__version__}",
        ]
    )
