"""The living definition: NumPy, one primitive after the other, driven by Python."""

from contextlib import nullcontext

from ..algorithm.memory import HOST
from ..kernels import reference
from ..kernels.protocol import Kernels
from .backend import Backend, Run, Step

kernels: Kernels = reference


def prepare(step: Step, multiply_adds: int) -> Run:
    """Return a function that takes a step any number of times."""

    def run(repeats: int) -> None:
        for _ in range(repeats):
            step(kernels)

    return run


backend = Backend("reference", kernels, HOST, nullcontext, prepare)
