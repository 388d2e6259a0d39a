"""Train a network with a progress bar, test it, and say how the training ended."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.markup import escape

from gpubackprop.cli.errors import UserError
from gpubackprop.cli.progress import TrainingProgress
from gpubackprop.cli.scores import Array, Outcome, Part, main_score
from gpubackprop.cli.terminal import Terminal
from gpubackprop.table.voting import mean_of

if TYPE_CHECKING:
    from gpubackprop.cli.problem import Problem
    from gpubackprop.table.model_file import Bundle

WORTH_SAYING = 0.3
"""Seconds of start-up that get a line."""
_LATE = 0.9
"""Where the best epoch comes after this part of all, more of them may be better still."""
_PATIENCE = 6.0
"""Seconds of training beyond which every row is held out once in cross-validation, not twice."""


@dataclass(frozen=True)
class Run:
    """A finished training."""

    bundle: Bundle
    x: Array
    y: Array
    start_up: float = 0.0
    seconds: float = 0.0
    interrupted: bool = False


def against_early_stopping(truth: Array, classes: int) -> str | None:
    """Say what of the training rows forbids to hold out a validation part, or None."""
    rows = len(truth)
    if classes:
        labels, counts = np.unique(truth, return_counts=True)
        if counts.min() < 2:
            return f"class {str(labels[counts.argmin()])!r} has a single row to train on"
        if rows // 10 < classes:
            return f"a tenth of the {rows} rows is fewer than the {classes} classes"
    if rows < 20:
        return f"{rows} rows to train on are fewer than 20, a tenth of them would judge badly"
    return None


# -- one training ---------------------------------------------------------------------------------


def train(
    console: Terminal, problem: Problem, networks: Sequence[Any], backup: Path | None = None
) -> Run:
    """Train networks on a problem's training rows, each from a backup if one is found there.

    Of several, one that is interrupted is left out, and no other is begun.
    """
    from gpubackprop import Backup

    run = _prepared(problem, networks[0], problem.train)
    run = replace(run, start_up=_start_up(console, networks[0], run))
    trained: list[Any] = []
    for number, network in enumerate(networks):
        folder = backup / str(number) if backup and number else backup
        progress = _progress(console, problem, network, run.bundle)
        network.set_params(callbacks=[progress, *([Backup(folder)] if folder else [])])
        start = time.perf_counter()
        with progress:
            interrupted, notes = fit(network, run.x, run.y)
        seconds = time.perf_counter() - start
        if folder and number:
            with suppress(OSError):  # a state is left
                folder.rmdir()
        one = replace(run, seconds=seconds, interrupted=interrupted)
        run = replace(one, seconds=run.seconds + seconds)
        if interrupted and trained:
            done = f"{number} of {len(networks)} networks"
            console.print(
                f"  Interrupted: the mean of the finished ones, {done}, is tested and saved"
            )
        else:
            trained.append(network)
            which = f"network {number + 1} of {len(networks)}: " if len(networks) > 1 else ""
            _say_how_it_ended(console, network, one, notes, which)
        if interrupted:
            break
    return replace(run, bundle=replace(run.bundle, network=mean_of(trained)))


def _progress(
    console: Terminal, problem: Problem, network: Any, bundle: Bundle
) -> TrainingProgress:
    name = "accuracy" if problem.classes else "R²"
    names = f"validation {name}", f"test {name}"
    return TrainingProgress(console, network.max_iter, _test_score(problem, bundle), names)


def _prepared(problem: Problem, network: Any, rows: Array) -> Run:
    """Fit the preprocessing to training rows, around a network yet to be trained."""
    bundle, target = problem.bundle(network, rows), problem.truth(rows)
    x = bundle.fit_inputs(problem.table.iloc[rows], target)
    return Run(bundle, x, bundle.to_network(target))


def _test_score(problem: Problem, bundle: Bundle) -> Callable[[Any], float] | None:
    """Make the score of the test rows for the progress bar; none where no row is held out."""
    if problem.cross_validated:
        return None
    rows = problem.splits[0][1]
    x, truth = bundle.inputs(problem.table.iloc[rows]), problem.truth(rows)
    return lambda network: main_score(bundle.task, truth, bundle.from_network(network.predict(x)))


def _start_up(console: Terminal, network: Any, run: Run) -> float:
    """Load and compile what training needs, by a clone's first mini-batch; return the seconds."""
    from sklearn.base import clone

    rows = np.arange(len(run.y))
    if run.bundle.task == "classification":  # no class may be missing from the output layer
        firsts = np.unique(run.y, return_index=True)[1]
        rows = np.concatenate([firsts, np.delete(rows, firsts)])
    size = 200 if network.batch_size == "auto" else network.batch_size
    rows = rows[: max(size, len(run.bundle.classes if run.bundle.classes is not None else ()))]
    trial = clone(network).set_params(max_iter=1, early_stopping=False)
    start = time.perf_counter()
    with console.status("Loading, and in a first run compiling ...", spinner=console.spinner):
        interrupted, _ = fit(trial, run.x[rows], run.y[rows])
    if interrupted:
        raise KeyboardInterrupt
    seconds = time.perf_counter() - start
    if seconds > WORTH_SAYING:
        took = in_seconds(seconds)
        console.print(f"  start-up took {took}: a first run compiles, later ones load what it kept")
    return seconds


def fit(network: Any, x: Array, y: Array) -> tuple[bool, list[str]]:
    """Fit; return whether it was interrupted, and what else was warned of.

    What the user can cure ends the command.
    """
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            network.fit(x, y)
        except (ValueError, RuntimeError) as error:
            hint = " Lower --learning-rate." if "non-finite" in str(error) else ""
            raise UserError(f"training failed: {error}{hint}") from None
    # That the epochs ran out, or were cut short, is said in our own words.
    texts = [str(w.message) for w in caught if not issubclass(w.category, ConvergenceWarning)]
    notes = [text for text in texts if "interrupted" not in text]
    return len(notes) < len(texts), notes


def _say_how_it_ended(
    console: Terminal, network: Any, run: Run, notes: list[str], which: str = ""
) -> None:
    took = f"{which}{network.n_iter_} epochs in {in_seconds(run.seconds)}"
    if run.interrupted:
        console.print(f"  Interrupted: the model after {took} is tested and saved")
    elif network.early_stopping:
        best = best_epoch(network)
        rising = network.n_iter_ == network.max_iter and best > _LATE * network.max_iter
        may_help = rising and not network.schedule  # whose last epochs are the best ones anyway
        more = "; the score still rose: more --epochs may help" if may_help else ""
        console.print(f"  {took}; kept is epoch {best}, the best on the validation part{more}")
    elif network.n_iter_ == network.max_iter:
        ended = "to the end of the schedule" if network.schedule else "all that were allowed"
        console.print(f"  {took}, {ended}")
    else:
        console.print(f"  {took}; the loss no longer fell")
    for note in dict.fromkeys(notes):
        console.print(f"  Note: {escape(note)}")


def best_epoch(network: Any) -> int | None:
    """Find the epoch whose weights were kept by early stopping, counted from 1."""
    found = getattr(network, "validation_scores_", None)
    return None if found is None or not len(found) else int(np.argmax(found)) + 1


# -- the test -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tested:
    """What a test found, and a model with rows that it was not trained on."""

    test: Outcome
    bundle: Bundle
    rows: Array


def test(console: Terminal, problem: Problem, run: Run) -> Tested:
    """Test the model; in cross-validation, others that are trained as it was."""
    from gpubackprop.distributed.current import of_first

    if not problem.cross_validated:
        train_rows, rows = problem.splits[0]
        part = _part(problem, run.bundle, train_rows, rows)
        return Tested(Outcome(run.bundle.task, [part]), run.bundle, rows)
    splits = problem.splits
    if of_first(run.seconds) > _PATIENCE:
        splits = splits[: len(splits) // 2]
    parts: list[Part] = []
    words = "Cross-validation: model {} of " + str(len(splits)) + " ..."
    spinning: Any = console.status(words.format(1), spinner=console.spinner)
    with nullcontext(spinning) if console.quiet else spinning as status:
        for train_rows, rows in splits:
            status.update(words.format(len(parts) + 1))
            other = _retrained(problem, run.bundle.networks, train_rows)
            if other is None:
                if not parts:
                    raise KeyboardInterrupt
                console.print(f"  Cross-validation interrupted after {len(parts)} models")
                break
            parts.append(_part(problem, other, train_rows, rows))
            last = Tested(Outcome(other.task, parts), other, rows)
    return last


def _part(problem: Problem, bundle: Bundle, train_rows: Array, rows: Array) -> Part:
    predicted = bundle.predict(problem.table.iloc[rows])
    return Part(problem.truth(train_rows), problem.truth(rows), predicted)


def _retrained(problem: Problem, networks: Sequence[Any], rows: Array) -> Bundle | None:
    """Train networks of the same parameters on some rows; None if that was interrupted."""
    from sklearn.base import clone

    reason = against_early_stopping(problem.truth(rows), problem.classes)
    others = [clone(network).set_params(callbacks=None) for network in networks]
    run = _prepared(problem, others[0], rows)
    for other in others:
        other.early_stopping = other.early_stopping and reason is None
        if fit(other, run.x, run.y)[0]:
            return None
    return replace(run.bundle, network=mean_of(others))


def in_seconds(seconds: float) -> str:
    """Write a duration."""
    if seconds >= 120:
        return f"{seconds / 60:.0f} min"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
