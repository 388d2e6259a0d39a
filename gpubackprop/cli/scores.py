"""Scores of predictions, how sure they are, and those of the guess that looks at no column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gpubackprop.table import Task

Array = np.ndarray[Any, Any]

_RESAMPLES = 1000
_MOST_DRAWS = 20_000_000
"""Rows drawn for all resamples together; more take seconds and change no digit."""


def scores(task: Task, truth: Array, predicted: Array) -> dict[str, float]:
    """Score predictions in the target's own unit: ``accuracy``, or ``rmse`` and ``r2``."""
    if task == "classification":
        return {"accuracy": float(np.mean(truth == predicted))}
    error = float(np.mean((truth - predicted) ** 2))
    variance = float(np.var(truth))
    r2 = 1 - error / variance if variance else float("nan")
    return {"rmse": error**0.5, "r2": r2}


def main_score(task: Task, truth: Array, predicted: Array) -> float:
    """Score predictions by accuracy, or by R²."""
    return scores(task, truth, predicted)["accuracy" if task == "classification" else "r2"]


def guess(task: Task, train: Array) -> Any:
    """Guess without a look at any column: the commonest class, or the mean."""
    if task == "regression":
        return train.mean()
    labels, counts = np.unique(train, return_counts=True)
    return labels[counts.argmax()]


@dataclass(frozen=True)
class Part:
    """Held-out rows: the target in those trained on, the target in these, and its predictions."""

    trained: Array
    truth: Array
    predicted: Array


@dataclass(frozen=True)
class Outcome:
    """What a test found, on one part of the rows or on several."""

    task: Task
    parts: Sequence[Part]

    @property
    def truth(self) -> Array:
        """The target in all held-out rows."""
        return np.concatenate([part.truth for part in self.parts])

    @property
    def predicted(self) -> Array:
        """What was predicted in all held-out rows."""
        return np.concatenate([part.predicted for part in self.parts])

    def once(self, parts: int) -> Outcome:
        """Take the first parts only, in which no row is held out twice."""
        return Outcome(self.task, self.parts[:parts])

    def scores(self) -> dict[str, float]:
        """Score each part; return the means."""
        return _means([scores(self.task, part.truth, part.predicted) for part in self.parts])

    def trivial_scores(self) -> dict[str, float]:
        """Score the guess that looks at no column."""
        guesses = (np.full(len(part.truth), guess(self.task, part.trained)) for part in self.parts)
        pairs = zip(self.parts, guesses, strict=True)
        return _means([scores(self.task, part.truth, guessed) for part, guessed in pairs])

    def spread(self) -> dict[str, float]:
        """Find the standard deviation of each score between the parts."""
        found = [scores(self.task, part.truth, part.predicted) for part in self.parts]
        return {name: float(np.std([score[name] for score in found], ddof=1)) for name in found[0]}

    def interval(self) -> dict[str, tuple[float, float]]:
        """Find where 95 % of each score lies when the held-out rows are drawn anew."""
        truth, predicted = self.truth, self.predicted
        draw = np.random.default_rng(0)
        times = max(100, min(_RESAMPLES, _MOST_DRAWS // len(truth)))
        rows = (draw.integers(len(truth), size=len(truth)) for _ in range(times))
        drawn = [scores(self.task, truth[some], predicted[some]) for some in rows]
        return {
            name: tuple(np.nanpercentile([score[name] for score in drawn], [2.5, 97.5]).tolist())
            for name in drawn[0]
        }


def _means(found: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([score[name] for score in found])) for name in found[0]}
