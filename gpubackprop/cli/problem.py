"""What is to be learnt: a table's rows, split for training and testing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gpubackprop.table import (
    Column,
    TableError,
    Target,
    Task,
    describe,
    features,
    preprocessor,
    read_table,
    read_target,
)
from gpubackprop.table.model_file import Bundle

Array = np.ndarray[Any, Any]

FEWEST_ROWS = 10
"""With fewer there is nothing worth calling a test."""


@dataclass(frozen=True)
class Problem:
    """A table with its target, and the rows held out for the test."""

    name: str
    table: pd.DataFrame
    columns: tuple[Column, ...]
    target: Target
    notes: tuple[str, ...]
    train: Array
    test: Array

    @property
    def classes(self) -> int:
        """The number of classes; 0 for a quantity."""
        return len(np.unique(self.target.values)) if self.target.task == "classification" else 0

    def truth(self, rows: Array) -> Array:
        """Return the target's values in these rows."""
        return np.asarray(self.target.values[rows])

    def bundle(self, network: Any) -> Bundle:
        """Fit the preprocessing to the training rows, around a network yet to be trained."""
        from sklearn.preprocessing import StandardScaler

        rows = features(self.table.iloc[self.train], self.columns)
        classes = scaler = None
        if self.target.task == "regression":
            scaler = StandardScaler().fit(self.truth(self.train).reshape(-1, 1))
        else:
            classes = np.unique(self.target.values)
        return Bundle(
            task=self.target.task,
            target=self.target.name,
            columns=self.columns,
            prepare=preprocessor(self.columns).fit(rows),
            network=network,
            classes=classes,
            target_scaler=scaler,
        )


def digits(test_fraction: float, seed: int) -> Problem:
    """Load the handwritten digits that come with scikit-learn: 8x8 pixels each."""
    from sklearn.datasets import load_digits

    table = load_digits(as_frame=True).frame.rename(columns={"target": "digit"})
    return _problem("digits", table, "digit", "classification", (), (), test_fraction, seed)


def from_file(
    path: Path,
    target: str,
    task: Task | None,
    drop: Collection[str],
    category: Collection[str],
    test_fraction: float,
    seed: int,
) -> Problem:
    """Read a table and what is to be predicted from it."""
    table = read_table(path, text=category)
    return _problem(path.name, table, target, task, drop, category, test_fraction, seed)


def _problem(
    name: str,
    table: pd.DataFrame,
    target: str,
    task: Task | None,
    drop: Collection[str],
    category: Collection[str],
    test_fraction: float,
    seed: int,
) -> Problem:
    description = describe(table, target, drop=drop, category=category)
    known = table[table[target].notna()]
    notes = list(description.notes)
    if missing := len(table) - len(known):
        notes.insert(0, f"{missing} rows without a {target!r} left out")
    if len(known) < FEWEST_ROWS:
        raise TableError(
            f"{name}: {len(known)} rows have a {target!r}; to train and to test takes at least "
            f"{FEWEST_ROWS}."
        )
    found = read_target(known, target, task)
    train, test = _split(found, test_fraction, seed)
    return Problem(name, known, description.columns, found, tuple(notes), train, test)


def _split(target: Target, test_fraction: float, seed: int) -> tuple[Array, Array]:
    """Hold out rows for the test, each class in proportion where it has rows enough."""
    from sklearn.model_selection import train_test_split

    rows = np.arange(len(target.values))
    stratify = None
    if target.task == "classification":
        counts = np.unique(target.values, return_counts=True)[1]
        smaller_part = int(len(rows) * min(test_fraction, 1 - test_fraction))
        if counts.min() >= 2 and smaller_part >= len(counts):
            stratify = target.values
    train, test = train_test_split(
        rows, test_size=test_fraction, random_state=seed, stratify=stratify
    )
    return np.sort(train), np.sort(test)
