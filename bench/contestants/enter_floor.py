"""The floor: the matrix products of an epoch and nothing else, called from machine code.

The BLAS runs each with the threads of its own, small ones too, which training makes in tiles.
"""

import time
from importlib.metadata import version

from ...kernels.products import by_blas
from ...kernels.replay import replay
from ..problems import Problem
from .contestant import Training, blas
from .products import products


class Floor:
    """It learns nothing: the same products every epoch, in any order of rows."""

    def __init__(self, problem: Problem, dtype: str) -> None:
        self._launches = [
            replay([by_blas(*operands) for operands in batch], repeats=count)
            for batch, count in products(problem, dtype)
        ]

    def train(self, epochs: int) -> Training:
        self._epoch()
        started = time.perf_counter()
        for _ in range(epochs):
            self._epoch()
        return Training((time.perf_counter() - started) / epochs, [])

    def _epoch(self) -> None:
        for launch in self._launches:
            launch.run()

    def versions(self) -> dict[str, str]:
        return {"scipy": version("scipy"), "blas": blas()}


def enter(problem: Problem, dtype: str, activation: str) -> Floor:
    return Floor(problem, dtype)
