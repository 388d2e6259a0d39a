"""The honest beginner's version: the derivation's five lines in NumPy, and Adam.

Every step allocates what it computes, as a first attempt does.
"""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np

from ..problems import Array, Problem
from ..start import ALPHA, BETA_1, BETA_2, EPSILON, RATE, Start, start
from .contestant import Training, blas, time_epochs

_ACTIVATIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "relu": (lambda Z: np.maximum(Z, 0), lambda A: A > 0),
    "tanh": (np.tanh, lambda A: 1 - A * A),
    "logistic": (lambda Z: 1 / (1 + np.exp(-Z)), lambda A: A * (1 - A)),
}
"""sigma, and its derivative told by its value."""


class FiveLines:
    """Lists of W and b, trained in a loop over mini-batches."""

    def __init__(self, start: Start, problem: Problem, activation: str) -> None:
        self._start, self._batch = start, problem.batch
        self._Y = np.eye(problem.classes, dtype=start.X.dtype)[start.labels]
        self._sigma, self._derivative = _ACTIVATIONS[activation]

    def train(self, epochs: int) -> Training:
        W, b = ([p.copy() for p in part] for part in (self._start.weights, self._start.biases))
        adam = _Adam([*W, *b])

        def epoch(order: Array) -> float:
            total = 0.0
            for at in range(0, len(order), self._batch):
                rows = order[at : at + self._batch]
                loss, gradient = self._gradient(W, b, self._start.X[rows], self._Y[rows])
                adam.step(gradient)
                total += len(rows) * loss
            return total / len(order)

        return time_epochs(epoch, self._start.orders(), epochs)

    def _gradient(
        self, W: list[Array], b: list[Array], X: Array, Y: Array
    ) -> tuple[float, list[Array]]:
        """The loss of a mini-batch, and its gradient: first all weights, then all biases."""
        A, B = [X], len(X)
        for l in range(len(W)):
            Z = A[-1] @ W[l] + b[l]
            A.append(self._sigma(Z) if l < len(W) - 1 else _softmax(Z))
        delta = (A[-1] - Y) / B
        grad_W: list[Array] = []
        grad_b: list[Array] = []
        for l in reversed(range(len(W))):
            grad_W.insert(0, A[l].T @ delta + ALPHA / B * W[l])
            grad_b.insert(0, delta.sum(axis=0))
            delta = (delta @ W[l].T) * self._derivative(A[l]) if l else delta
        tiny = np.finfo(X.dtype).eps
        likelihood = np.sum(Y * np.log(np.clip(A[-1], tiny, 1 - tiny)))
        decay = 0.5 * ALPHA * sum(np.vdot(w, w) for w in W)
        return float(decay - likelihood) / B, grad_W + grad_b

    def versions(self) -> dict[str, str]:
        return {"numpy": version("numpy"), "blas": blas()}


class _Adam:
    """Scikit-learn's formula, parameter by parameter."""

    def __init__(self, parameters: list[Array]) -> None:
        self._parameters, self._t = parameters, 0
        self._m, self._v = ([np.zeros_like(p) for p in parameters] for _ in range(2))

    def step(self, gradient: list[Array]) -> None:
        self._t += 1
        rate = RATE * np.sqrt(1 - BETA_2**self._t) / (1 - BETA_1**self._t)
        for i, g in enumerate(gradient):
            self._m[i] = BETA_1 * self._m[i] + (1 - BETA_1) * g
            self._v[i] = BETA_2 * self._v[i] + (1 - BETA_2) * g**2
            change = float(rate) * self._m[i] / (np.sqrt(self._v[i]) + EPSILON)
            self._parameters[i] -= change


def _softmax(Z: Any) -> Array:
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    shares: Array = E / E.sum(axis=1, keepdims=True)
    return shares


def enter(problem: Problem, dtype: str, activation: str) -> FiveLines:
    return FiveLines(start(problem, dtype, activation), problem, activation)
