"""The floor: the matrix products of an epoch and nothing else, called from machine code.

The BLAS runs each with the threads of its own. `floor_divided` runs the same as our backend does.
"""

from ...kernels.compiled import product
from ...kernels.replay import replay
from ..problems import Problem
from .contestant import Repeated
from .products import products


def enter(problem: Problem, dtype: str, activation: str) -> Repeated:
    launches = [
        replay([product(*operands) for operands in batch], repeats=count)
        for batch, count in products(problem, dtype)
    ]

    def epoch() -> None:
        for launch in launches:
            launch.run()

    return Repeated(epoch)
