"""Finite differences of parameters drawn at random."""

import numpy as np

from .networks import Passes

EPSILON = 1e-6
"""Step of a parameter: in float64 rounding and truncation cost about as much."""


class Differences:
    """Compares (L(w + epsilon) - L(w)) / epsilon of random parameters with their gradient."""

    def __init__(self, passes: Passes) -> None:
        passes.gradient(1)
        self._passes, self._rng = passes, np.random.default_rng(1)
        self._at = passes.loss()
        self.found: list[float] = []
        self.expected: list[float] = []

    def sample(self, parameters: int) -> None:
        """Take this many differences."""
        net, grad = self._passes.net, self._passes.grad
        for _ in range(parameters):
            l, *index = self._rng.integers((len(net.W), *net.W[0].shape))
            i, j = index
            weight = net.W[l][i, j]
            net.W[l][i, j] = weight + EPSILON
            self.found.append((self._passes.loss() - self._at) / EPSILON)
            self.expected.append(float(grad.W[l][i, j]))
            net.W[l][i, j] = weight

    @property
    def worst(self) -> float:
        """Largest difference over the largest derivative."""
        found, expected = np.array(self.found), np.array(self.expected)
        return float(np.abs(found - expected).max() / np.abs(expected).max())
