"""A GPU's memory through CuPy: how much there is, and copies that run as late as they may."""

import logging
from functools import partial

import numpy as np
import pytest

from gpubackprop.backends import compiled
from gpubackprop.backends.cuda import backend as cuda_backend
from gpubackprop.backends.cuda.memory import DeviceMemory
from gpubackprop.backends.cuda.shared_rows import while_running
from gpubackprop.training.memory_plan import Sizes
from tests.cuda.gpu.moved import Moved
from tests.cuda.simulated.fake_cupy import FakeGpu, Stream, cupy
from tests.cuda.simulated.test_training import EPOCHS, run_epochs


@pytest.fixture
def gpu(monkeypatch):
    """One whose streams do nothing before somebody waits for them, the caller's own too."""
    made = FakeGpu(late=True)
    monkeypatch.setattr(cuda_backend, "gpu", lambda index: made)
    monkeypatch.setattr(cupy.cuda, "Stream", partial(Stream, late=True))
    monkeypatch.setattr(cupy.stream, "late", True)
    return made


@pytest.fixture
def memory(gpu):
    return DeviceMemory(gpu)


@pytest.mark.parametrize(
    ("free", "kept", "used", "limit", "expected"),
    [
        (1000, 50, 200, 0, 1050),  # what the pool keeps is free as well
        (1000, 50, 200, 600, 400),
        (100, 50, 200, 600, 150),  # somebody else fills the device
    ],
    ids=["no limit", "limit", "limit and a full device"],
)
def test_available_is_what_may_still_be_allocated(
    memory, monkeypatch, free, kept, used, limit, expected
):
    monkeypatch.setattr(cupy.cuda.runtime, "memGetInfo", lambda: (free, 2000))
    answers = {"free_bytes": kept, "used_bytes": used, "get_limit": limit}
    for name, answer in answers.items():
        monkeypatch.setattr(cupy.pool, name, lambda answer=answer: answer)
    assert memory.available() == expected


@pytest.mark.parametrize("size", [8192, 8193])
def test_what_was_written_may_change_at_once(memory, size):
    out, values = memory.zeros(size, np.int64), np.arange(size)
    memory.write(out, values)
    values[...] = -1
    np.testing.assert_array_equal(memory.read(out), np.arange(size))


def test_rows_of_another_fit_are_there_for_this_ones_stream():
    one, other = (DeviceMemory(FakeGpu(late=True)) for _ in range(2))
    rows = np.arange(12.0).reshape(4, 3)
    with while_running(one):
        copy = one.rows(rows)
        assert other.rows(rows.copy()) is copy
        np.testing.assert_array_equal(other.read(copy), rows)


def test_streamed_rows_are_there_when_they_are_read(gpu, make_problem, monkeypatch, caplog):
    one, another = (make_problem("float32", "Adam", True) for _ in range(2))
    backend = cuda_backend.backend(0)
    sizes = Sizes(one.net.layer_sizes, np.dtype("float32"), backend.memory)
    room = 4 * sizes.parameters + sizes.workspace(5) + 2 * sizes.data(5) + (64 << 20)
    monkeypatch.setattr(backend.memory, "available", lambda: room)
    with caplog.at_level(logging.INFO, "gpubackprop"):
        moved = Moved(one, backend)
    assert "5 rows at a time" in caplog.text
    losses = [moved.epochs.run(order) for order in one.orders[:EPOCHS]]
    expected, _ = run_epochs(compiled.backend, another)
    np.testing.assert_allclose(losses, expected, rtol=2e-5)
