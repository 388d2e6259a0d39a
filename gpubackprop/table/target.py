"""Read the column to predict, and find out whether it is a class or a quantity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import pandas as pd

from gpubackprop.table.conversion import to_numbers
from gpubackprop.table.dates import looks_like_dates
from gpubackprop.table.errors import TableError
from gpubackprop.table.kinds import MANY_DISTINCT, is_boolean, is_numeric, refuse_almost_numbers

Task = Literal["classification", "regression"]


@dataclass(frozen=True)
class Target:
    """What a model learns to predict, and why its task was chosen.

    Labels are texts or whole numbers, quantities float64.
    """

    name: str
    task: Task
    reason: str
    values: np.ndarray[Any, Any]

    @property
    def other_task(self) -> Task | None:
        """The task that these values suit as well, or None."""
        if self.task == "classification":
            return "regression" if self.values.dtype.kind == "i" else None
        distinct = len(np.unique(self.values))
        return None if _too_many(distinct, len(self.values)) else "classification"


def read_target(table: pd.DataFrame, name: str, task: Task | None = None) -> Target:
    """Read the column to predict, and find out whether it is a class or a quantity.

    Text, true/false, and whole numbers of at most 20 distinct values (each in 5 rows on average)
    are classes; every other number is a quantity; unless a task is given. No value may be missing.
    TableError if the column does not suit the task.
    """
    column = table[name]
    distinct = column.nunique()
    if distinct < 2:
        raise TableError(
            f"target {name!r}: every row holds {str(column.iloc[0])!r}. "
            "There is nothing to learn from one value."
        )
    found, reason = _task(column, distinct)
    task = task or found
    if task == "regression":
        return Target(name, task, reason, to_numbers(column))
    if _too_many(distinct, len(column)):
        dates = " Dates are not predicted." if looks_like_dates(column) else ""
        raise TableError(
            f"target {name!r}: {distinct} distinct values in {len(column)} rows are too many to be "
            f"classes.{dates} Choose another target, or --task regression if they are quantities."
        )
    return Target(name, task, reason, labels_of(column))


def _too_many(distinct: int, rows: int) -> bool:
    """Whether values are too many to be classes."""
    return distinct > MANY_DISTINCT and distinct > rows / 2


def labels_of(column: pd.Series[Any]) -> np.ndarray[Any, Any]:
    """Take a column's values as classes: whole numbers as such, all others as texts."""
    if is_numeric(column) and not is_boolean(column) and (column.astype(float) % 1 == 0).all():
        return cast("np.ndarray[Any, Any]", column.astype("int64").to_numpy())
    return np.array([str(value) for value in column])


def _task(column: pd.Series[Any], distinct: int) -> tuple[Task, str]:
    if is_boolean(column):
        return "classification", "the target is true/false"
    if not is_numeric(column):
        if not isinstance(column.dtype, pd.CategoricalDtype):
            refuse_almost_numbers(column)
        return "classification", f"the target is text with {distinct} distinct values"
    whole = bool((column.astype("float64") % 1 == 0).all())
    if whole and distinct <= MANY_DISTINCT and distinct * 5 <= len(column):
        return "classification", f"the target is whole numbers, {distinct} distinct"
    return "regression", f"the target is numbers, {distinct} distinct"
