"""The keeper of a fit: finds the state that an earlier one has saved, and saves its own."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from time import monotonic
from typing import Any

from ...algorithm.parameters import Array
from ...files import ReadError, WriteError, check_writable
from ..epoch_loop import Engine
from . import container, generator
from .callback import Backup
from .facts import differences, facts
from .fit_state import FitState, collect, parameters, restore
from .termination import Termination

_log = logging.getLogger("gpubackprop")

_MOST_VECTORS = 16
"""Vectors as long as the parameters that a state may have."""


class Keeper:
    """Keeps the state of one fit in a file.

    X, y and sample_weight are all rows, before some are held out. ValueError if the file is of
    another fit, or no backup; WriteError if no file can be written at its place.
    """

    def __init__(
        self,
        backup: Backup,
        estimator: Any,
        X: Any,
        y: Any,
        sample_weight: Any,
        termination: Termination,
    ) -> None:
        self._backup, self._estimator, self.termination = backup, estimator, termination
        self._path = backup.file
        self._facts = facts(estimator, X, y, sample_weight)
        self._before = parameters(estimator)
        self._start = generator.state_of(estimator._random_state)
        self._found = self._read(8 * X.shape[0])
        if self._found is None:
            check_writable(self._path)
        else:
            with self._explaining():
                self._start = self._found.description["start"]
                generator.set_state(estimator._random_state, self._start)
        self._saved_at = monotonic()

    def resume(self, engine: Engine, order: Array) -> None:
        """Go on from the state that was found, if any; estimator, engine and order are set."""
        if self._found is None:
            return
        with self._explaining():
            restore(self._found, self._estimator, engine, order)
        self._found = None
        _log.info("%s: going on after epoch %d", self._path, self._estimator.n_iter_)

    def epoch_ended(self, engine: Engine, order: Array) -> None:
        """Save the state if it is time, or if the process is about to end."""
        if self.termination.waits:
            self.save(engine, order)
            self.termination.let_through()
        else:
            self.save_if_due(engine, order)

    def finished(self) -> None:
        """Remove the file, unless the process ends before the model can be of use."""
        if not self.termination.waits:
            self._path.unlink(missing_ok=True)

    def save_if_due(self, engine: Engine, order: Array) -> None:
        """Save the state if the last time was long enough ago."""
        if monotonic() - self._saved_at >= self._backup.every:
            self.save(engine, order)

    def save(self, engine: Engine, order: Array) -> None:
        """Save the state."""
        own = self._facts, self._start, self._before
        try:
            container.write(self._path, *collect(self._estimator, engine, order, *own))
        except (WriteError, TypeError) as error:
            warnings.warn(f"{error} The fit goes on without a backup.", stacklevel=2)
        self._saved_at = monotonic()

    def _read(self, most: int) -> FitState | None:
        size = sum(w.size for w in self._estimator.coefs_ + self._estimator.intercepts_)
        with self._explaining():
            try:
                state = FitState(*container.read(self._path, most + _MOST_VECTORS * 8 * size))
            except FileNotFoundError:
                return None
            different = differences(state.facts, self._facts)
        if different:
            raise ValueError(
                f"{self._path} is the backup of another fit: {'; '.join(different)}. Repeat that "
                "fit to go on from it, give this one another folder, or remove the file"
            )
        return state

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """Say of which file it is that something in it is wrong."""
        try:
            yield
        except (ReadError, OSError, ValueError, KeyError, TypeError) as reason:
            raise ValueError(
                f"{self._path} cannot be gone on from: {reason}. Remove it to start anew, or give "
                "the fit another folder"
            ) from reason


class NoKeeper:
    """Keeps nothing, for a fit that nobody asked to save."""

    def resume(self, engine: Engine, order: Array) -> None:
        """Do nothing."""

    def epoch_ended(self, engine: Engine, order: Array) -> None:
        """Do nothing."""

    def finished(self) -> None:
        """Do nothing."""

    def save_if_due(self, engine: Engine, order: Array) -> None:
        """Do nothing."""

    def save(self, engine: Engine, order: Array) -> None:
        """Do nothing."""


@contextmanager
def keeping(
    backup: Backup | None, estimator: Any, X: Any, y: Any, sample_weight: Any
) -> Iterator[Keeper | NoKeeper]:
    """Within a `with`, hold a backup's folder for one fit; ValueError if another fit uses it."""
    if backup is None:
        yield NoKeeper()
        return
    folder = backup.file.parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{backup!r}: the folder cannot be made ({error.strerror})") from error
    with ExitStack() as held:
        _lock(folder, held)
        termination = held.enter_context(Termination())
        yield Keeper(backup, estimator, X, y, sample_weight, termination)


def _lock(folder: Path, held: ExitStack) -> None:
    """Let no other fit use the folder, in this process or another one."""
    try:
        fcntl = import_module("fcntl")
    except ImportError:  # not POSIX
        return
    descriptor = os.open(folder, os.O_RDONLY)
    held.callback(os.close, descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ValueError(
            f"{folder} is in use by another fit: give each a Backup with a folder of its own"
        ) from None
    except OSError as reason:  # a file system without locks
        _log.debug("%s is not locked: %s", folder, reason)
