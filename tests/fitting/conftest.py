"""How the tests of the estimators and what they stand on run."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest

import gpubackprop
from gpubackprop.fitting.engines.dense import DenseEngine
from tests.one_thread import one_blas_thread as one_blas_thread

from .agreement import OURS, THEIRS, Array


@pytest.fixture(params=["ours", "accelerated"])
def package(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Where the estimators are found: gpubackprop, or scikit-learn's module while accelerated."""
    with gpubackprop.accelerated() if request.param == "accelerated" else nullcontext():
        yield OURS if request.param == "ours" else THEIRS


@pytest.fixture
def orders_run(monkeypatch: pytest.MonkeyPatch) -> list[Array]:
    """Orders of the epochs that are run from now on."""
    seen: list[Array] = []
    run = DenseEngine.run

    def recording(engine: DenseEngine, orders: Iterator[Array], rate: float) -> Any:
        def recorded() -> Iterator[Array]:
            for order in orders:
                seen.append(order.copy())
                yield order

        return run(engine, recorded(), rate)

    monkeypatch.setattr(DenseEngine, "run", recording)
    return seen
