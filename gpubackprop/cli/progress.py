"""The progress bar: a callback of the estimators."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from gpubackprop import EpochRecord

_SHARE_FOR_SCORES = 0.03
"""Part of the training's time that scoring for the display may take."""

_LONG = 60.0
"""Seconds of all epochs that are announced after the first."""


class TrainingProgress(Progress):
    """Show the epochs of a training on a bar; a file or a pipe gets none.

    `score` scores the network so far on held-out rows; it is asked now and then, and only where the
    training itself holds no validation rows out. `names` are a validation and a test score's.
    """

    def __init__(
        self,
        console: Console,
        epochs: int,
        score: Callable[[Any], float] | None,
        names: tuple[str, str],
    ) -> None:
        self._shown = console.is_terminal and not console.quiet
        super().__init__(
            BarColumn(bar_width=12),
            TextColumn("epoch {task.completed}/{task.total}  loss {task.fields[loss]}"),
            TextColumn("{task.fields[score]} "),
            TextColumn("at most"),  # it may stop before the epochs run out
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=console,
            transient=True,
            disable=not self._shown,
        )
        self._task = self.add_task("", total=epochs, loss="-", score="")
        self._epochs, self._score, self._names = epochs, score, names
        self._next_score, self._announced = 0.0, False

    def __call__(self, estimator: Any, record: EpochRecord) -> None:
        """Take note of one epoch."""
        now = time.perf_counter()
        if not self._announced and record.seconds * self._epochs > _LONG:
            self.console.print(
                f"  an epoch takes {record.seconds:.1f} s, {self._epochs} of them at most "
                f"{record.seconds * self._epochs / 60:.0f} min; Ctrl-C tests and saves what is "
                "learnt by then"
            )
        self._announced = True
        if not self._shown:
            return
        self.update(self._task, completed=record.epoch, loss=f"{record.loss:.4f}")
        if record.validation_score is not None:
            text = f"{self._names[0]} {record.validation_score:.3f}"
            self.update(self._task, score=text)
        elif self._score is not None and now >= self._next_score:
            text = f"{self._names[1]} {self._score(estimator):.3f}"
            self.update(self._task, score=text)
            done = time.perf_counter()
            self._next_score = done + (done - now) / _SHARE_FOR_SCORES
