"""PyTorch on a GPU, compiled for the most speed: torch.compile(mode="max-autotune"), fused Adam.

Forward, loss and backward are compiled, and become CUDA graphs in this mode; the update of all
parameters is PyTorch's one fused kernel.
"""

from collections.abc import Callable
from typing import Any

import torch

from ..contestants.enter_torch_cuda import require_cuda
from ..contestants.enter_torch_eager import Net, TorchEager
from ..problems import Problem
from ..start import start


class TorchCompiled(TorchEager):
    """The same network, its losses compiled once for all trainings."""

    _net: Net | None = None

    def _network(self) -> Net:
        if self._net is None:
            self._net = super()._network()
            self._compiled = torch.compile(
                super()._losses_of(self._net), mode="max-autotune", dynamic=False
            )
        self._rewind(self._net)
        return self._net

    def _losses_of(self, net: Net) -> Callable[[torch.Tensor], torch.Tensor]:
        def losses_of(rows: torch.Tensor) -> torch.Tensor:
            torch.compiler.cudagraph_mark_step_begin()
            losses: torch.Tensor = self._compiled(rows)
            return losses

        return losses_of

    def _optimizer(self, net: Net, **how: Any) -> torch.optim.Adam:
        return super()._optimizer(net, fused=True)


def enter(problem: Problem, dtype: str, activation: str) -> TorchCompiled:
    require_cuda()
    return TorchCompiled(start(problem, dtype, activation), problem, activation, "cuda")
