"""The common start of all contestants: scikit-learn's initial weights and permutations."""

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from sklearn.neural_network import MLPClassifier

from .problems import Array, Problem

SEED = 0
ALPHA = 1e-4
RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-8  # scikit-learn's defaults for Adam


def parameters(problem: Problem, activation: str) -> dict[str, Any]:
    """Parameters of an MLPClassifier that runs as many epochs as it is asked for."""
    return {
        "hidden_layer_sizes": problem.hidden,
        "activation": activation,
        "batch_size": problem.batch,
        "alpha": ALPHA,
        "random_state": SEED,
        "tol": 0.0,
        "n_iter_no_change": np.inf,
    }


class Start(NamedTuple):
    """Data, initial parameters and the random generator as the first epoch finds it."""

    X: Array
    labels: Array
    weights: list[Array]
    biases: list[Array]
    generator: np.random.RandomState

    def orders(self) -> Iterator[Array]:
        """Order of the rows in each epoch, drawn as scikit-learn draws it."""
        generator = copy.deepcopy(self.generator)
        order = np.arange(len(self.X))
        while True:
            draw = np.arange(len(order))
            generator.shuffle(draw)
            order = order[draw]
            yield order


class _Untrained(MLPClassifier):  # type: ignore[misc]
    def _fit_stochastic(self, *arguments: Any, **named: Any) -> None:
        """Leave the parameters as they were initialised."""


def start(problem: Problem, dtype: str, activation: str) -> Start:
    """Initialise as scikit-learn does."""
    X, labels = problem.data(dtype)
    model = _Untrained(**parameters(problem, activation)).fit(X, labels)
    return Start(X, labels, model.coefs_, model.intercepts_, model._random_state)
