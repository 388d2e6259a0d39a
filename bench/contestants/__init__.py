"""The contestants: one module each, imported only in the process that runs it."""

from collections.abc import Callable
from importlib import import_module

from ..problems import Problem
from .contestant import Contestant

Enter = Callable[[Problem, str, str], Contestant]
"""Sets a contestant up for a problem, a dtype and an activation."""

OURS = "gpubackprop"
FLOOR = "floor"
"""It learns nothing, and is below us."""
PEERS = ("scikit_learn", "torch_eager", "torch_fused", "torch_compiled", "jax_scan", "numpy")
"""Other libraries on the CPU, and a beginner's version."""
COMPARED = (*PEERS, "reference", FLOOR)
"""All that can be measured beside ours on the CPU."""
DEFAULT_PEERS = ("scikit_learn", "torch_eager", "torch_fused", "jax_scan", "numpy", FLOOR)
"""Not the one whose compiler takes minutes."""
OURS_ON_GPU = "gpubackprop_cuda"
PEERS_ON_GPU = ("torch_cuda", "torch_graphed", "jax_cuda", "torch_compiled_cuda")
NAMES = (OURS, *COMPARED, OURS_ON_GPU, *PEERS_ON_GPU)


def enter(name: str) -> Enter:
    """Find the function that sets a contestant up; ImportError if its library is not installed."""
    function: Enter = import_module(f".enter_{name}", __name__).enter
    return function
