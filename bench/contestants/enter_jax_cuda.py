"""JAX on a GPU, products in full float32; see `enter_jax_scan`."""

import jax

from ..problems import Problem
from . import enter_jax_scan
from .enter_jax_scan import JaxScan


def enter(problem: Problem, dtype: str, activation: str) -> JaxScan:
    if jax.default_backend() != "gpu":
        raise ImportError("this JAX sees no GPU")
    return enter_jax_scan.enter(problem, dtype, activation)
