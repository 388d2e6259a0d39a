"""PyTorch eager with its fused Adam, one kernel for all parameters; see `enter_torch_eager`."""

from typing import Any

import torch

from ..host import usable_cores
from ..problems import Problem
from ..start import start
from .enter_torch_eager import Net, TorchEager


class TorchFused(TorchEager):
    """The same network, another optimizer."""

    def _optimizer(self, net: Net, **how: Any) -> torch.optim.Adam:
        return super()._optimizer(net, fused=True)


def enter(problem: Problem, dtype: str, activation: str) -> TorchFused:
    torch.set_num_threads(usable_cores())
    return TorchFused(start(problem, dtype, activation), problem, activation)
