"""``gpubackprop bench``: measure on this machine, beside other libraries, and report."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gpubackprop.cli.errors import UserError
from gpubackprop.cli.terminal import Terminal
from gpubackprop.files import check_writable

if TYPE_CHECKING:
    from gpubackprop.bench.options import Options
    from gpubackprop.bench.report.section import Section

names = partial(typer.Option, metavar="NAMES")


def bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="Run every section on toy sizes, under a minute.")
    ] = False,
    claims: Annotated[
        bool, typer.Option("--claims", help="Measure claims of the derivation instead.")
    ] = False,
    gpu: Annotated[
        bool,
        typer.Option(
            "--gpu", help="Measure only the sections that need a GPU; allow them --minutes 60."
        ),
    ] = False,
    only: Annotated[str, names(help="Sections to measure: epochs,roofline.")] = "",
    problems: Annotated[str, names(help="Problems of the section epochs: digits,mid.")] = "",
    peers: Annotated[str, names(help="Libraries to compare with: scikit_learn,jax_scan.")] = "",
    dtypes: Annotated[str, names(help="Types of the section epochs: float32,float64.")] = "float32",
    activations: Annotated[
        str, names(help="Activations of the section epochs: relu,tanh,logistic.")
    ] = "relu",
    pairs: Annotated[int, typer.Option(min=1, help="Measurements of each contestant.")] = 5,
    minutes: Annotated[
        float, typer.Option(min=0, help="Begin no row after this many minutes.")
    ] = 15.0,
    folder: Annotated[Path, typer.Option(help="Where the report is written.")] = Path(
        "gpubackprop-bench"
    ),
) -> None:
    """Measure training on this machine beside other libraries, and write a report.

    Every contestant trains in a process of its own, in turn with the others. Libraries that are
    not installed, and sections that need a GPU on a machine without one, are left out, and a line
    says so. The report is FOLDER/report.html; report.md and report.json are written after every
    row. Sections of an earlier run stay in the report unless they are measured anew.
    """
    from gpubackprop.bench.catalogue import CLAIMS, IF_NAMED, ON_GPU, SUITE
    from gpubackprop.bench.report.report import Report
    from gpubackprop.bench.run import machine, run

    if claims and gpu:
        raise UserError("--claims and --gpu measure different things: give one of them")
    known = (*SUITE, *IF_NAMED, *CLAIMS)
    usual = CLAIMS if claims else ON_GPU if gpu else SUITE
    sections = _chosen_sections(only, usual, known)
    options = _options(quick, problems, peers, dtypes, activations, pairs)
    console = Terminal(markup=False)
    report = Report(_writable(folder), machine(options), known)
    deadline = time.monotonic() + 60 * minutes
    try:
        with _ending_as_interrupted():
            code = 0 if run(report, sections, options, deadline, console.print) else 1
    except KeyboardInterrupt:
        console.print("\nInterrupted; the finished rows are kept.")
        code = 130
    console.print(f"\nReport: {report.finish()}")
    if find_spec("matplotlib") is None:
        console.print("It has no pictures: pip install matplotlib")
    raise typer.Exit(code)


@contextmanager
def _ending_as_interrupted() -> Iterator[None]:
    """Take SIGTERM, which ends a batch job, for Ctrl-C: the report is written all the same."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _chosen_sections(
    only: str, usual: tuple[Section, ...], known: tuple[Section, ...]
) -> tuple[Section, ...]:
    """Look sections up by name; the usual ones where none is named."""
    by_name = {section.name: section for section in known}
    return tuple(by_name[name] for name in _names("--only", only, by_name)) or usual


def _options(
    quick: bool, problems: str, peers: str, dtypes: str, activations: str, pairs: int
) -> Options:
    from gpubackprop.bench import contestants
    from gpubackprop.bench import problems as known
    from gpubackprop.bench.options import Options

    usual = Options()
    return Options(
        quick=quick,
        problems=_names("--problems", problems, known.PROBLEMS)
        or (usual.problems[:1] if quick else usual.problems),
        peers=_names("--peers", peers, contestants.COMPARED) or usual.peers,
        dtypes=_names("--dtypes", dtypes, known.DTYPES) or usual.dtypes,
        activations=_names("--activations", activations, known.ACTIVATIONS) or usual.activations,
        pairs=min(2, pairs) if quick else pairs,
    )


def _names(option: str, text: str, known: Iterable[str]) -> tuple[str, ...]:
    """Read names with commas between them; UserError lists the known ones."""
    names = tuple(dict.fromkeys(filter(None, map(str.strip, text.split(",")))))
    unknown = [name for name in names if name not in set(known)]
    if unknown:
        choices = ", ".join(known)
        raise UserError(f"{option} {text}: there is no {', '.join(unknown)}; there are {choices}")
    return names


def _writable(folder: Path) -> Path:
    """Make the folder, before anything is measured."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--folder {folder}: cannot be made, {error.strerror}") from error
    check_writable(folder / "report.html")
    return folder
