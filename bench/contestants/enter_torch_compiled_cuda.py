"""PyTorch compiled for the most speed on a GPU: torch.compile(mode="max-autotune"), fused Adam.

Forward, loss and backward are compiled, and become CUDA graphs in this mode; the update of all
parameters is PyTorch's one fused kernel.
"""

from collections.abc import Callable
from typing import Any

import torch

from ..problems import Problem
from ..start import start
from .enter_torch_compiled import TorchCompiled
from .enter_torch_cuda import require_cuda
from .enter_torch_eager import Net


class TorchCompiledCuda(TorchCompiled):
    """The same network; PyTorch is told where a step begins, as its graphs share memory."""

    mode = "max-autotune"

    def __init__(self, *problem: Any) -> None:
        super().__init__(*problem)
        for data in (self._X, self._labels):  # else each replay of a graph copies all of it first
            torch._dynamo.mark_static_address(data)

    def _losses_of(self, net: Net) -> Callable[[torch.Tensor], torch.Tensor]:
        compiled = super()._losses_of(net)

        def losses_of(rows: torch.Tensor) -> torch.Tensor:
            torch.compiler.cudagraph_mark_step_begin()
            return compiled(rows)

        return losses_of


def enter(problem: Problem, dtype: str, activation: str) -> TorchCompiledCuda:
    require_cuda()
    return TorchCompiledCuda(start(problem, dtype, activation), problem, activation, "cuda")
