"""Threads are made once and kept: an epoch is shorter than starting one."""

import threading

import numpy as np

from gpubackprop.backends import threads
from gpubackprop.backends.compiled import backend
from gpubackprop.backends.crew import crew
from gpubackprop.kernels.formulas import Activation
from gpubackprop.kernels.replay import replay


def test_a_crew_of_each_size_is_kept():
    two = crew(2)
    assert crew(3) is not two
    assert crew(2) is two


def test_alternating_sizes_start_no_more_threads():
    for size in (1, 2):
        crew(size)
    before = threading.active_count()
    for size in (1, 2) * 5:
        crew(size).run([replay([])] * size)
    assert threading.active_count() == before


def test_a_step_is_over_when_run_returns(monkeypatch):
    """All stages by rows, so that no barrier of the step itself holds the threads together."""
    monkeypatch.setattr(threads, "available", lambda: 2)
    rng = np.random.default_rng(0)
    W, b = rng.standard_normal((256, 128), dtype=np.float32), np.zeros(128, dtype=np.float32)
    for _ in range(200):
        A = rng.standard_normal((256, 256), dtype=np.float32)
        Z = np.full((256, 128), np.nan, dtype=np.float32)

        def step(k, A=A, Z=Z):
            k.dense(A, W, b, Activation.RELU, Z, Z)

        backend.prepare(step, 8_000_000)(1)
        np.testing.assert_allclose(Z, np.maximum(A @ W, 0), rtol=1e-3, atol=1e-3)
