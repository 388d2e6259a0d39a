"""Find columns that give the target away: alone, or added up."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from gpubackprop.cli.problem import Problem
from gpubackprop.cli.scores import Array, guess, main_score
from gpubackprop.table import Column, features, listing, quoted

_ROWS = 4000
"""Rows that are looked at; half to learn from, half to judge by."""
_FEWEST = 60
_ALMOST_ALL = 0.97
"""The part of what guessing misses that a column alone tells."""
_EXACTLY = 0.9995


def leaks(problem: Problem) -> Iterator[str]:
    """Say which columns tell almost all of the target, in a line each."""
    rows = np.random.default_rng(0).permutation(problem.train)[:_ROWS]
    if len(rows) < _FEWEST:
        return
    task, target = problem.target.task, problem.truth(rows)
    if task == "regression":  # ranks: what follows the target along any curve gives it away
        target = np.unique(target, return_inverse=True)[1].astype("float64")
    table = problem.table.iloc[rows]
    half = len(rows) // 2
    found = []
    for column in problem.columns:
        if column.kind.startswith("date"):  # a trend is none
            continue
        predicted = _by_one(features(table, [column]), column, task, target, half)
        if _told(task, target, predicted, half) >= _ALMOST_ALL:
            found.append(column.name)
    for name in found[:3]:
        yield (
            f"{name!r} alone tells almost all of {problem.target.name!r}; if it is not known when "
            f"you predict: --drop {quoted(name)}"
        )
    if not found and task == "regression":
        yield from _sums(problem, table, problem.truth(rows), half)


def _told(task: Any, target: Array, predicted: Array, half: int) -> float:
    """Which part of what a guess misses is predicted, in the second half of the rows."""
    truth = target[half:]
    found = main_score(task, truth, predicted)
    guessed = main_score(task, truth, np.full(len(truth), guess(task, target[:half])))
    return (found - guessed) / (1 - guessed) if guessed < 1 else 0.0


def _by_one(values: pd.DataFrame, column: Column, task: Any, target: Array, half: int) -> Array:
    """Predict the second half of the rows from one column, by the first half."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if column.is_text:
        texts = values.iloc[:, 0]
        groups = pd.Series(target[:half]).groupby(texts.to_numpy()[:half])
        known = groups.agg(lambda group: guess(task, group.to_numpy()))
        other = guess(task, target[:half])
        return np.array([known.get(text, other) for text in texts[half:]])
    kind = DecisionTreeRegressor if task == "regression" else DecisionTreeClassifier
    tree = kind(max_leaf_nodes=64, random_state=0).fit(values[:half], target[:half])
    return np.asarray(tree.predict(values[half:]))


def _sums(problem: Problem, table: pd.DataFrame, target: Array, half: int) -> Iterator[str]:
    """Say which two or three columns of numbers add up to the target."""
    from sklearn.linear_model import OrthogonalMatchingPursuit
    from sklearn.preprocessing import StandardScaler

    columns = [column for column in problem.columns if column.kind == "number" and not column.parts]
    values = StandardScaler().fit_transform(features(table, columns)) if columns else np.empty(0)
    for count in range(2, min(3, len(columns)) + 1):
        fitted = OrthogonalMatchingPursuit(n_nonzero_coefs=count)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that two columns are the same
            fitted.fit(values[:half], target[:half])
        if main_score("regression", target[half:], fitted.predict(values[half:])) >= _EXACTLY:
            names = [columns[i].name for i in np.flatnonzero(fitted.coef_)]
            yield (
                f"{listing(map(repr, names))} add up to {problem.target.name!r}; if they are not "
                f"known when you predict: --drop {quoted(','.join(names))}"
            )
            return
