"""The contestants: one module each, imported only in the process that runs it."""

from importlib import import_module

from ..contestants.contestant import Contestant
from ..problems import Problem

OURS = "gpubackprop"
FLOOR = "floor"
FLOORS = (FLOOR, "floor_divided")
"""They learn nothing, and are below us."""
NAMES = (OURS, "scikit_learn", "torch_eager", "jax_scan", *FLOORS, "numpy")
OURS_ON_GPU = "gpubackprop_cuda"
PEERS_ON_GPU = ("torch_cuda", "torch_graphed", "jax_cuda", "torch_compiled")
ON_GPU = (OURS_ON_GPU, *PEERS_ON_GPU)
DEFAULT_PEERS = ("scikit_learn", "torch_eager", "jax_scan", FLOOR)


def enter(name: str, problem: Problem, dtype: str, activation: str) -> Contestant:
    """Set one contestant up; ImportError if its library is not installed."""
    module = import_module(f"contestants.enter_{name}")
    contestant: Contestant = module.enter(problem, dtype, activation)
    return contestant
