"""How the tests of the estimators and what they stand on run."""

from collections.abc import Iterator
from typing import Any

import pytest

from gpubackprop.fitting.engines.dense import DenseEngine
from tests.one_thread import one_blas_thread as one_blas_thread

from .agreement import Array


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
