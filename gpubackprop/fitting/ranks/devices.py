"""A fit on several GPUs of one process: a copy of the estimator trains on each of them."""

import copy
from collections.abc import Callable
from typing import Any

from ... import backends
from ...backends.cuda.device_arrays import on_gpu
from ...backends.device_names import gpus
from ...distributed.current import current
from ...distributed.device_group import on_each_device
from ..callbacks import hooks
from ..options.values import options

_WRITTEN = ("_optimizer", "_random_state")
"""Attributes that training changes in place, as it does lists."""


def train(estimator: Any, X: Any, work: Callable[[Any], None]) -> None:
    """Do the work of a fit, on each GPU if the estimator's device names several.

    Work is given the estimator, which trains on the first GPU in the calling thread, or the copy of
    it that trains on another. ValueError if X is on a GPU, or a process fits that trains together
    with others; RuntimeError if one of the GPUs cannot be used.
    """
    own = options(estimator)
    numbers = gpus(own.device)
    if len(numbers) < 2:
        work(estimator)
        return
    if current() is not None:
        raise ValueError(
            "inside data_parallel each process trains on one GPU: device must be 'cuda' or "
            f"'cuda:N', got {own.device!r}"
        )
    backends.require_usable(own.backend, own.device, own.precision)
    if on_gpu(X):
        raise ValueError(
            f"with device={own.device!r} X must be in the process's memory, which it comes to each "
            "GPU from: give X.get()"
        )
    of_ranks = [estimator, *(_replica(estimator) for _ in numbers[1:])]
    on_each_device(numbers, lambda rank: work(of_ranks[rank]))


def _replica(estimator: Any) -> Any:
    """Copy what training writes; parameters are shared, and nobody hears of the copy's epochs."""
    shared = {*estimator.get_params(deep=False), "_skl_callbacks"}
    replica = object.__new__(type(estimator))
    for name, value in vars(estimator).items():
        written = name not in shared and (isinstance(value, list) or name in _WRITTEN)
        vars(replica)[name] = copy.deepcopy(value) if written else value
    for name in hooks.WHILE_FITTING:
        vars(replica).pop(name, None)
    return replica
