"""Training that does not fit the GPU: streamed to the last bit, in parts to rounding."""

import gc
import logging

import numpy as np
import pytest

from gpubackprop import MLPRegressor
from gpubackprop.training.memory_plan import Sizes
from tests.cuda.gpu.moved import Moved

pytestmark = pytest.mark.gpu

SIZES = (33, 65, 129, 7)
LARGE = {"n": 7001, "batch_size": 333, "sizes": SIZES}
MARGIN_BYTES = 64 << 20


def limited(backend, monkeypatch, room):
    """Let the plan believe that there is only so much memory."""
    monkeypatch.setattr(backend.memory, "available", lambda: room)
    return backend


@pytest.fixture
def sizes(backend):
    return Sizes(SIZES, np.dtype("float32"), backend.memory)


@pytest.fixture(params=[False, True], ids=["unweighted", "weighted"])
def pair(request, make_problem):
    return [make_problem("float32", "Adam", request.param, **LARGE) for _ in range(2)]


def test_streaming_changes_no_bit(backend, sizes, pair, monkeypatch, caplog):
    losses, state = Moved(pair[0], backend).train()
    room = 4 * sizes.parameters + sizes.workspace(333) + 2 * sizes.data(666) + MARGIN_BYTES
    with caplog.at_level(logging.INFO, "gpubackprop"):
        streamed, another = Moved(pair[1], limited(backend, monkeypatch, room)).train()
    assert "666 rows at a time" in caplog.text
    assert streamed == losses
    for a, b in zip(another, state, strict=True):
        np.testing.assert_array_equal(a, b)


def test_parts_of_a_batch_add_up_to_it(backend, sizes, pair, monkeypatch):
    losses, _ = Moved(pair[0], backend).train()
    room = 5 * sizes.parameters + sizes.workspace(42) + 2 * sizes.data(333) + MARGIN_BYTES
    with pytest.warns(UserWarning, match="in parts of 42"):
        moved = Moved(pair[1], limited(backend, monkeypatch, room))
    in_parts, _ = moved.train()
    np.testing.assert_allclose(in_parts, losses, rtol=1e-4)


def test_a_pool_that_is_limited_is_planned_for(device, backend, caplog):
    """Of the 80 MiB a batch would take 88, half of it 82; all the data are 32 more."""
    X = np.random.default_rng(0).standard_normal((40_000, 200)).astype(np.float32)
    model = MLPRegressor(hidden_layer_sizes=(2048,), batch_size=1000, max_iter=1, random_state=0)
    with pytest.warns(match="Maximum iterations"):
        expected = model.fit(X, X[:, 0]).loss_
    pool = device.cupy.get_default_memory_pool()
    gc.collect()  # what other tests left would be free later
    pool.free_all_blocks()
    pool.set_limit(pool.used_bytes() + (80 << 20))
    try:
        assert backend.memory.available() <= 80 << 20
        model.set_params(device="cuda")
        with (
            caplog.at_level(logging.INFO, "gpubackprop"),
            pytest.warns(match="Maximum iterations"),
            pytest.warns(match="1000 examples does not fit .* in parts of"),
        ):
            model.fit(X, X[:, 0])
        assert "rows at a time" in caplog.text
        np.testing.assert_allclose(model.loss_, expected, rtol=1e-3)
        with pytest.raises(MemoryError, match="MiB are free"):
            MLPRegressor(hidden_layer_sizes=(8000, 8000), device="cuda").fit(X[:100], X[:100, 0])
    finally:
        pool.set_limit(0)
