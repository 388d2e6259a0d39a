"""PyTorch as its tutorials write it: eager, autograd, Adam with foreach kernels.

PyTorch adds epsilon to the bias-corrected sqrt(v), scikit-learn to the uncorrected one: while few
steps have been taken its epsilon is effectively smaller, and losses differ slightly.
"""

import math
from itertools import pairwise

import torch

from contestants.contestant import Training, time_epochs
from host import usable_cores
from problems import Array, Problem
from start import ALPHA, BETA_1, BETA_2, EPSILON, RATE, Start, start

_ACTIVATIONS = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "logistic": torch.nn.Sigmoid}


class TorchEager:
    """A Sequential of Linear layers."""

    def __init__(self, start: Start, problem: Problem, activation: str) -> None:
        self._start, self._problem, self._activation = start, problem, activation
        self._X, self._labels = torch.from_numpy(start.X), torch.from_numpy(start.labels)
        self._loss = torch.nn.CrossEntropyLoss(reduction="none")
        self._most = -math.log(torch.finfo(self._X.dtype).eps)  # where scikit-learn clips it

    def train(self, epochs: int) -> Training:
        net = self._network()
        weights = [p for p in net.parameters() if p.ndim == 2]
        biases = [p for p in net.parameters() if p.ndim == 1]
        optimizer = torch.optim.Adam(
            [{"params": weights}, {"params": biases}],
            lr=RATE,
            betas=(BETA_1, BETA_2),
            eps=EPSILON,
            foreach=True,
        )

        def step(rows: torch.Tensor) -> torch.Tensor:
            decay = ALPHA / len(rows)
            optimizer.param_groups[0]["weight_decay"] = decay  # the tail batch has its own
            optimizer.zero_grad()
            losses = self._loss(net(self._X[rows]), self._labels[rows])
            losses.mean().backward()
            with torch.no_grad():
                penalty = 0.5 * ALPHA * sum(torch.dot(W.view(-1), W.view(-1)) for W in weights)
                total = losses.clamp(max=self._most).sum() + penalty
            optimizer.step()
            return total

        def epoch(order: Array) -> float:
            batches = torch.from_numpy(order).split(self._problem.batch)
            total = sum(step(rows) for rows in batches)
            return float(total) / len(order)

        return time_epochs(epoch, self._start.orders(), epochs)

    def versions(self) -> dict[str, str]:
        return {"torch": torch.__version__, "threads": str(torch.get_num_threads())}

    def _network(self) -> torch.nn.Sequential:
        modules: list[torch.nn.Module] = []
        for (fan_in, fan_out), W, b in zip(
            pairwise(self._problem.layer_sizes),
            self._start.weights,
            self._start.biases,
            strict=True,
        ):
            linear = torch.nn.Linear(fan_in, fan_out, dtype=self._X.dtype)
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(W.T.copy()))
                linear.bias.copy_(torch.from_numpy(b))
            modules += [linear, _ACTIVATIONS[self._activation]()]
        return torch.nn.Sequential(*modules[:-1])


def enter(problem: Problem, dtype: str, activation: str) -> TorchEager:
    torch.set_num_threads(usable_cores())
    return TorchEager(start(problem, dtype, activation), problem, activation)
