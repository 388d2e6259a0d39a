"""What a contestant does, and how its epochs are timed."""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import threadpoolctl

from ..problems import Array


class Training(NamedTuple):
    """Some epochs from the common start."""

    seconds: float
    """Of one epoch; the first is not counted, caches and memory are cold in it."""
    losses: list[float]
    """Of every epoch, the first included; empty where nothing is learnt."""


class Contestant(Protocol):
    """One way to train the network of a problem."""

    def train(self, epochs: int) -> Training:
        """Start anew, train one epoch, then time this many more."""

    def versions(self) -> dict[str, str]:
        """Libraries and threads."""


def time_epochs(epoch: Callable[[Array], float], orders: Iterator[Array], epochs: int) -> Training:
    """Time a function that trains on all rows in a given order and returns the loss."""
    losses = [epoch(next(orders))]
    started = time.perf_counter()
    losses += [epoch(next(orders)) for _ in range(epochs)]
    return Training((time.perf_counter() - started) / epochs, losses)


def blas() -> str:
    """The BLAS libraries of this process and their threads."""
    pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    names = (f"{p['internal_api']} {p['version']} x{p['num_threads']}" for p in pools)
    return ", ".join(sorted(set(names)))
