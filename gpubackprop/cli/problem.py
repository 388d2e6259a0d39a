"""A table to learn from, split into rows for training and for the test."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gpubackprop.cli.scores import Array
from gpubackprop.table import (
    Column,
    TableError,
    Target,
    Task,
    counted,
    describe,
    features,
    naming,
    preprocessor,
    read_table,
    read_target,
    require,
)
from gpubackprop.table.model_file import Bundle

Split = tuple[Array, Array]

FEWEST_ROWS = 10
"""With fewer, the test rows are too few to mean anything."""
ROWS_FOR_ONE_SPLIT = 1000
"""With fewer, the score of one split is mostly chance: cross-validation repeats it."""
FOLDS = 5
USUAL_FRACTION = 0.2
"""Rows held out for the test, where neither a fraction nor a table is given."""


@dataclass(frozen=True)
class Choices:
    """How a table is read, and what is learnt from it: the options of ``train`` about that."""

    target: str
    task: Task | None = None
    drop: list[str] = field(default_factory=list)
    category: list[str] = field(default_factory=list)
    test: Path | None = None
    test_fraction: float | None = None
    seed: int = 0
    encoding: str | None = None
    header: bool = True

    def read(self, path: Path) -> pd.DataFrame:
        """Read a table."""
        return read_table(path, self.category, encoding=self.encoding, header=self.header)


@dataclass(frozen=True)
class Problem:
    """A table with its target, and the rows held out for the test."""

    name: str
    table: pd.DataFrame
    columns: tuple[Column, ...]
    target: Target
    notes: tuple[str, ...]
    train: Array
    splits: tuple[Split, ...]

    @property
    def cross_validated(self) -> bool:
        """Whether the model learns from all rows, and others like it are tested."""
        return len(self.splits) > 1

    @property
    def classes(self) -> int:
        """The number of classes; 0 for a quantity."""
        return len(np.unique(self.target.values)) if self.target.task == "classification" else 0

    def truth(self, rows: Array) -> Array:
        """Return the target's values in these rows."""
        return np.asarray(self.target.values[rows])

    def bundle(self, network: Any, rows: Array) -> Bundle:
        """Put a model together, for training on these rows; nothing of it is fitted to others."""
        from sklearn.preprocessing import StandardScaler

        classes = scaler = None
        if self.target.task == "regression":
            scaler = StandardScaler().fit(self.truth(rows).reshape(-1, 1))
        else:
            classes = np.unique(self.target.values)
        return Bundle(
            task=self.target.task,
            target=self.target.name,
            columns=self.columns,
            prepare=preprocessor(self.columns, self.target.task),
            network=network,
            classes=classes,
            target_scaler=scaler,
        )


def digits(test_fraction: float | None, seed: int) -> Problem:
    """Load the handwritten digits that come with scikit-learn: 8x8 pixels each."""
    from sklearn.datasets import load_digits

    table = load_digits(as_frame=True).frame.rename(columns={"target": "digit"})
    choices = Choices("digit", "classification", test_fraction=test_fraction, seed=seed)
    return _problem("digits", table, choices)


def from_file(path: Path, choices: Choices, one_split: bool = False) -> Problem:
    """Read a table, describe it and split it; in one way even a small one, where that is asked."""
    table = choices.read(path)
    test = None if choices.test is None else choices.read(choices.test)
    with naming(path):
        return _problem(path.name, table, choices, one_split, test)


def _problem(
    name: str,
    table: pd.DataFrame,
    choices: Choices,
    one_split: bool = False,
    test: pd.DataFrame | None = None,
) -> Problem:
    target = choices.target
    description = describe(table, target, drop=choices.drop, category=choices.category)
    rows_to_train = len(table)
    if test is not None:
        with naming(choices.test):
            require((target, *(column.name for column in description.columns)), test.columns)
            features(test, description.columns)
        table = pd.concat([table, test.reindex(columns=table.columns)])
    known = table[target].notna().to_numpy()
    notes = list(description.notes)
    if missing := int((~known).sum()):
        notes.insert(0, f"{counted(missing, 'row')} without {target!r} left out")
    if (rows := int(known[:rows_to_train].sum())) < FEWEST_ROWS:
        raise TableError(
            f"{rows} rows have a {target!r}; to train and to test takes at least {FEWEST_ROWS}."
        )
    kept = table[known]
    splits: tuple[Split, ...]
    found = read_target(kept, target, choices.task)
    if test is not None:
        split = np.arange(rows), np.arange(rows, len(kept))
        if not len(split[1]):
            raise TableError(f"{choices.test}: no row has a {target!r}.")
        train, splits = split[0], (split,)
    elif one_split or choices.test_fraction is not None or len(kept) >= ROWS_FOR_ONE_SPLIT:
        splits = (_split(found, choices.test_fraction or USUAL_FRACTION, choices.seed),)
        train = splits[0][0]
    else:
        train, splits = np.arange(len(kept)), _cross_validation(found, choices.seed)
    return Problem(name, kept, description.columns, found, tuple(notes), train, splits)


def _split(target: Target, test_fraction: float, seed: int) -> Split:
    """Hold out rows for the test, each class in proportion if it has rows enough."""
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


def _cross_validation(target: Target, seed: int) -> tuple[Split, ...]:
    """Hold out every row twice, a fifth at a time, each class in proportion."""
    from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold

    values, kind = target.values, RepeatedKFold
    if target.task == "classification" and np.unique(values, return_counts=True)[1].max() >= FOLDS:
        kind = RepeatedStratifiedKFold
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that a class has fewer rows than parts
        return tuple(kind(n_splits=FOLDS, n_repeats=2, random_state=seed).split(values, values))
