"""PyTorch on a GPU as its tutorials write it; see `enter_torch_eager`."""

import torch

from ..problems import Problem
from ..start import start
from .enter_torch_eager import TorchEager


def require_cuda() -> None:
    """Decline where PyTorch has no GPU; products are in full float32, its default, where it has."""
    if not torch.cuda.is_available():
        raise ImportError("this PyTorch sees no GPU")
    torch.set_float32_matmul_precision("highest")


def enter(problem: Problem, dtype: str, activation: str) -> TorchEager:
    require_cuda()
    return TorchEager(start(problem, dtype, activation), problem, activation, "cuda")
