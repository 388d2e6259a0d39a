"""Ways to train our model and scikit-learn's, or subclasses made of either, and what to compare."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gpubackprop.fitting import prediction

from .agreement import OURS, TASKS, THEIRS, TOLERANCES, Params, assert_same_parameters, said

BASE: Params = {"hidden_layer_sizes": (6, 4), "batch_size": 16, "random_state": 0, "max_iter": 4}
MANY = np.tile(TASKS["regression"].X, (prediction.BLOCK_ROWS // 61 + 2, 1))

Train = Callable[[Any, Any, Any], None]
"""Trains a model on X and y."""


def fit(model: Any, X: Any, y: Any) -> None:
    said(model.fit, X, y)


def partial_fit(model: Any, X: Any, y: Any) -> None:
    for rows in (slice(0, 30), slice(30, 61), slice(0, 61)):
        classes = {"classes": np.unique(y)} if hasattr(model, "predict_proba") else {}
        said(model.partial_fit, X[rows], y[rows], **classes)


def _warm_start(model: Any, X: Any, y: Any) -> None:
    model.warm_start = True
    for _ in range(2):
        said(model.fit, X, y)


WAYS: dict[str, tuple[Params, Train]] = {
    "adam": ({}, fit),
    "sgd": ({"solver": "sgd", "learning_rate": "adaptive"}, fit),
    "early_stopping": ({"early_stopping": True}, fit),
    "partial_fit": ({}, partial_fit),
    "warm_start": ({}, _warm_start),
    "lbfgs": ({"solver": "lbfgs"}, fit),
}
TASK = dict(zip(WAYS, itertools.cycle(["regression", "multiclass"])))
"""What each way is tried on."""
every_way = pytest.mark.parametrize("way", WAYS)


def each_with_ways(argument: str, ways: dict[Any, str]) -> Any:
    """Run a test for each of these, in its ways."""
    cases = [(each, way) for each, named in ways.items() for way in named.split()]
    return pytest.mark.parametrize((argument, "way"), cases)


def trained_twins(
    task: str, way: str, subclass: Callable[[Any], Any] = lambda base: base
) -> list[Any]:
    """Train our model and scikit-learn's."""
    chosen, (params, train) = TASKS[task], WAYS[way]
    models = []
    for package in (OURS, THEIRS):
        model = subclass(getattr(package, chosen.estimator))(**{**BASE, **params})
        train(model, chosen.X, chosen.y)
        models.append(model)
    return models


def assert_same(ours: Any, theirs: Any) -> None:
    """Check weights, history and predictions of more rows than scikit-learn's code is left with."""
    tolerance = TOLERANCES["float64"]
    assert_same_parameters(ours, theirs, tolerance)
    np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=tolerance.loss)
    assert ours.n_iter_ == theirs.n_iter_
    if ours.early_stopping:
        scores = ours.validation_scores_, theirs.validation_scores_
        np.testing.assert_allclose(*scores, rtol=tolerance.loss)
    look = "predict_proba" if hasattr(theirs, "predict_proba") else "predict"
    predicted = [getattr(model, look)(MANY) for model in (ours, theirs)]
    np.testing.assert_allclose(*predicted, rtol=0, atol=tolerance.weight)
