"""scikit-learn's own estimators, accelerated, and a look at who trains them."""

from collections.abc import Iterator
from typing import Any

import pytest
from threadpoolctl import threadpool_limits

import gpubackprop
from gpubackprop.fitting import epoch_loop
from gpubackprop.fitting.engines import full_batch


@pytest.fixture(scope="package", autouse=True)
def one_blas_thread() -> Iterator[None]:
    """Small products are slower on several threads, the more so where others compute."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture
def acceleration() -> Iterator[None]:
    """Accelerate during a test."""
    with gpubackprop.accelerated():
        yield


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Models that gpubackprop's engine has trained, as they are trained."""
    models: list[Any] = []
    own = epoch_loop.train, full_batch.FullBatchEstimator.solve

    def train(estimator: Any, *arguments: Any) -> Any:
        models.append(estimator)
        return own[0](estimator, *arguments)

    def solve(self: Any, *arguments: Any) -> None:
        models.append(self._estimator)
        own[1](self, *arguments)

    monkeypatch.setattr(epoch_loop, "train", train)
    monkeypatch.setattr(full_batch.FullBatchEstimator, "solve", solve)
    return models
