"""PyTorch on a GPU, its whole step in a CUDA graph: forward, backward and fused Adam.

One graph for full batches and one for the tail. Each reads the rows it trains on from memory that
stays where it is, and adds its loss to a sum that is read once an epoch.
"""

from typing import Any

import torch

from ..problems import Problem
from ..start import start
from .enter_torch_cuda import require_cuda
from .enter_torch_eager import Net, Step, TorchEager

WARM_STEPS = 3


class TorchGraphed(TorchEager):
    """The same network, its step captured."""

    def _step(self, net: Net, optimizer: torch.optim.Adam, total: torch.Tensor) -> Step:
        step = super()._step(net, optimizer, total)
        places = {size: torch.arange(size, device=self._device) for size in self._sizes()}
        graphs = {size: self._captured(step, rows) for size, rows in places.items()}
        self._rewind(net)  # undo the steps that warmed up
        _forget(optimizer)
        total.zero_()

        def replay(rows: torch.Tensor) -> None:
            places[len(rows)].copy_(rows)
            graphs[len(rows)].replay()

        return replay

    def _sizes(self) -> list[int]:
        """Rows of a whole batch, and of the tail batch if the rows leave one."""
        rows, batch = self._problem.rows, self._problem.batch
        return sorted({min(batch, rows), rows % batch} - {0}, reverse=True)

    def _captured(self, step: Step, rows: torch.Tensor) -> torch.cuda.CUDAGraph:
        """Capture a step after some that warm up, on a stream of their own as PyTorch asks."""
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_STEPS):
                step(rows)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step(rows)
        return graph

    def _optimizer(self, net: Net, **how: Any) -> torch.optim.Adam:
        return super()._optimizer(net, fused=True, capturable=True)


def _forget(optimizer: torch.optim.Adam) -> None:
    """Set the moments and the counter to zero in place: the graphs know where they lie."""
    for state in optimizer.state.values():
        for part in state.values():
            part.zero_()


def enter(problem: Problem, dtype: str, activation: str) -> TorchGraphed:
    require_cuda()
    return TorchGraphed(start(problem, dtype, activation), problem, activation, "cuda")
