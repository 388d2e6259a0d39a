"""The floor's products divided among threads by our backend, each thread's BLAS on its own."""

from ...backends import select
from ...backends.backend import Run
from ...kernels.protocol import Kernels
from ..problems import Problem
from .contestant import Repeated
from .products import Product, products

_backend = select("compiled", "cpu")


def enter(problem: Problem, dtype: str, activation: str) -> Repeated:
    runs = [(_prepared(batch), count) for batch, count in products(problem, dtype)]

    def epoch() -> None:
        for run, count in runs:
            run(count)

    return Repeated(epoch, _backend.session)


def _prepared(batch: list[Product]) -> Run:
    def step(k: Kernels) -> None:
        for A, B, C in batch:
            k.weight_grad(A.T, B, C)  # the primitive that is a product and nothing else

    multiply_adds = sum(A.size * B.shape[1] for A, B, _ in batch)
    return _backend.prepare(step, multiply_adds)
