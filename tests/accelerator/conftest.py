"""scikit-learn's own estimators, accelerated, and a look at who trains them."""

from collections.abc import Iterator
from typing import Any

import pytest

import gpubackprop
from gpubackprop.fitting import epoch_loop
from gpubackprop.fitting.engines import full_batch
from tests.one_thread import one_blas_thread as one_blas_thread


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
