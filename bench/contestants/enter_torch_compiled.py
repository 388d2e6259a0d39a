"""PyTorch compiled: torch.compile around forward and loss, fused Adam; see `enter_torch_eager`."""

import shutil
from collections.abc import Callable
from typing import Any

import torch

from ..host import usable_cores
from ..problems import Problem
from ..start import start
from .enter_torch_eager import Net, TorchEager


class TorchCompiled(TorchEager):
    """The same network, its losses compiled once for all trainings."""

    mode = "default"
    _net: Net | None = None

    def _network(self) -> Net:
        if self._net is None:
            self._net = super()._network()
            self._compiled = torch.compile(
                super()._losses_of(self._net), mode=self.mode, dynamic=False
            )
        self._rewind(self._net)
        return self._net

    def _losses_of(self, net: Net) -> Callable[[torch.Tensor], torch.Tensor]:
        losses_of: Callable[[torch.Tensor], torch.Tensor] = self._compiled
        return losses_of

    def _optimizer(self, net: Net, **how: Any) -> torch.optim.Adam:
        return super()._optimizer(net, fused=True)


def enter(problem: Problem, dtype: str, activation: str) -> TorchCompiled:
    if not any(map(shutil.which, ("c++", "g++", "clang++"))):
        raise ImportError("torch.compile needs a C++ compiler")
    torch.set_num_threads(usable_cores())
    return TorchCompiled(start(problem, dtype, activation), problem, activation)
