"""Threads are made once and kept: an epoch is shorter than starting one."""

import gc
import subprocess
import sys
import threading

import numpy as np
import pytest

from gpubackprop.backends import threads
from gpubackprop.backends.compiled import backend
from gpubackprop.backends.thread_team import ThreadTeam, team
from gpubackprop.kernels.formulas import Activation
from gpubackprop.kernels.replay import replay


def test_a_team_of_each_size_is_kept():
    two = team(2)
    assert team(3) is not two
    assert team(2) is two


def test_alternating_sizes_start_no_more_threads():
    for size in (1, 2):
        team(size)
    before = set(threading.enumerate())
    for size in (1, 2) * 5:
        team(size).run([replay([])] * size)
    assert set(threading.enumerate()) <= before


def test_a_step_is_over_when_run_returns(monkeypatch):
    """All stages by rows, so that no barrier of the step itself holds the threads together."""
    monkeypatch.setattr(threads, "available", lambda: 2)
    rng = np.random.default_rng(0)
    W, b = rng.standard_normal((256, 128), dtype=np.float32), np.zeros(128, dtype=np.float32)
    for _ in range(20):
        A = rng.standard_normal((256, 256), dtype=np.float32)
        Z = np.full((256, 128), np.nan, dtype=np.float32)

        def step(k, A=A, Z=Z):
            k.dense(A, W, b, Activation.RELU, Z, Z)

        backend.prepare(step, 8_000_000)(1)
        np.testing.assert_allclose(Z, np.maximum(A @ W, 0), rtol=1e-3, atol=1e-3)


def test_threads_end_with_their_team():
    before = set(threading.enumerate())
    three = ThreadTeam(3)
    workers = set(threading.enumerate()) - before
    assert len(workers) == 2
    del three
    gc.collect()
    for worker in workers:
        worker.join(timeout=300)
        assert not worker.is_alive()


HELD_UP = """
import numpy as np
from gpubackprop.backends.thread_team import team
from gpubackprop.kernels.replay import attend, replay

two, cells = team(2), [np.zeros(8, dtype=np.int64) for _ in range(4)]
for order in range(1, 4):
    two._wake[0].put(order)
    for _ in range(20):  # as long as the other thread has patience, twenty times
        attend(*cells, 1).run()
    two.run([replay([]), replay([])])
print("served")
"""


def test_a_master_that_is_held_up_finds_its_workers_waiting():
    """Woken for an order that comes late, they once fell asleep again, and it waited for ever."""
    command = [sys.executable, "-c", HELD_UP]
    output = subprocess.run(command, capture_output=True, check=True, timeout=300).stdout
    assert output.split() == [b"served"]


def test_an_interrupted_master_leaves_no_worker_waiting(monkeypatch):
    """The order that never came must not keep the next one from being served."""
    two = team(2)

    class Interrupted:
        def run(self):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(two, "_lead", Interrupted())
        with pytest.raises(KeyboardInterrupt):
            two.run([replay([]), replay([])])
    two.run([replay([]), replay([])])
