"""PyTorch as its tutorials write it: eager, autograd, Adam with foreach kernels.

PyTorch adds epsilon to the bias-corrected sqrt(v), scikit-learn to the uncorrected one: while few
steps have been taken its epsilon is effectively smaller, and losses differ slightly.
"""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch

from ..host import usable_cores
from ..problems import Array, Problem
from ..start import ALPHA, BETA_1, BETA_2, EPSILON, RATE, Start, start
from .contestant import Training, time_epochs

Net = Any
"""A torch.nn.Sequential of linear layers and activations."""
Step = Callable[[torch.Tensor], None]

_ACTIVATIONS = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "logistic": torch.nn.Sigmoid}


class TorchEager:
    """A Sequential of Linear layers."""

    def __init__(
        self, start: Start, problem: Problem, activation: str, device: str = "cpu"
    ) -> None:
        self._start, self._problem, self._activation = start, problem, activation
        self._device = device
        self._X, self._labels = (
            torch.from_numpy(array).to(device) for array in (start.X, start.labels)
        )
        self._loss = torch.nn.CrossEntropyLoss(reduction="none")
        self._most = -math.log(torch.finfo(self._X.dtype).eps)  # where scikit-learn clips it

    def train(self, epochs: int) -> Training:
        net = self._network()
        optimizer = self._optimizer(net)
        total = torch.zeros((), dtype=self._X.dtype, device=self._device)
        step = self._step(net, optimizer, total)

        def epoch(order: Array) -> float:
            total.zero_()
            for rows in torch.from_numpy(order).to(self._device).split(self._problem.batch):
                step(rows)
            return float(total) / len(order)

        return time_epochs(epoch, self._start.orders(), epochs)

    def _step(self, net: Net, optimizer: torch.optim.Adam, total: torch.Tensor) -> Step:
        """Make what trains one mini-batch and adds its loss to `total`."""
        weights = [p for p in net.parameters() if p.ndim == 2]
        losses_of = self._losses_of(net)

        def step(rows: torch.Tensor) -> None:
            decay = ALPHA / len(rows)
            optimizer.param_groups[0]["weight_decay"] = decay  # the tail batch has its own
            optimizer.zero_grad()
            losses = losses_of(rows)
            losses.mean().backward()
            with torch.no_grad():
                penalty = 0.5 * ALPHA * sum(torch.dot(W.view(-1), W.view(-1)) for W in weights)
                total.add_(losses.clamp(max=self._most).sum() + penalty)
            optimizer.step()

        return step

    def _losses_of(self, net: Net) -> Callable[[torch.Tensor], torch.Tensor]:
        """Make the loss of each of some rows."""
        return lambda rows: self._loss(net(self._X[rows]), self._labels[rows])

    def _optimizer(self, net: Net, **how: Any) -> torch.optim.Adam:
        weights = [p for p in net.parameters() if p.ndim == 2]
        biases = [p for p in net.parameters() if p.ndim == 1]
        return torch.optim.Adam(
            [{"params": weights}, {"params": biases}],
            lr=RATE,
            betas=(BETA_1, BETA_2),
            eps=EPSILON,
            **(how or {"foreach": True}),
        )

    def versions(self) -> dict[str, str]:
        return {"torch": torch.__version__, "threads": str(torch.get_num_threads())}

    def _network(self) -> Net:
        modules: list[torch.nn.Module] = []
        for fan_in, fan_out in pairwise(self._problem.layer_sizes):
            linear = torch.nn.Linear(fan_in, fan_out, dtype=self._X.dtype, device=self._device)
            modules += [linear, _ACTIVATIONS[self._activation]()]
        net = torch.nn.Sequential(*modules[:-1])
        self._rewind(net)
        return net

    def _rewind(self, net: Net) -> None:
        """Copy the initial parameters in, in place."""
        with torch.no_grad():
            for linear, W, b in zip(net[::2], self._start.weights, self._start.biases, strict=True):
                linear.weight.copy_(torch.from_numpy(W.T.copy()))
                linear.bias.copy_(torch.from_numpy(b))


def enter(problem: Problem, dtype: str, activation: str) -> TorchEager:
    torch.set_num_threads(usable_cores())
    return TorchEager(start(problem, dtype, activation), problem, activation)
