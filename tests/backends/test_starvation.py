"""Threads that meet at barriers are told from their clocks to starve, and tried again."""

import numpy as np
import pytest

from gpubackprop.backends.starvation import (
    MAX_PAUSE_SECONDS,
    MIN_PAUSE_SECONDS,
    WINDOW_SECONDS,
    Starvation,
)
from gpubackprop.backends.thread_team import ThreadTeam
from gpubackprop.kernels.replay import replay

FULL, HALF = 2 * WINDOW_SECONDS, WINDOW_SECONDS
"""Core-seconds of two threads within a window: undisturbed, and with one core taken away."""


def test_threads_with_a_core_each_go_on():
    starvation = Starvation(2)
    for now in range(100):
        starvation.note(now, WINDOW_SECONDS, FULL)
        assert not starvation.lasts(now)


def test_threads_without_a_core_are_tried_again_ever_more_rarely():
    starvation, now, pauses = Starvation(2), 0.0, []
    for _ in range(9):
        starvation.note(now, WINDOW_SECONDS, HALF)
        pause = min(
            p for p in np.arange(1, 100) * MIN_PAUSE_SECONDS if not starvation.lasts(now + p)
        )
        pauses.append(pause)
        now += pause
    np.testing.assert_allclose(
        pauses, [min(MIN_PAUSE_SECONDS * 2**k, MAX_PAUSE_SECONDS) for k in range(9)]
    )


def test_one_good_window_forgets_what_was():
    starvation = Starvation(2)
    for now in range(0, 50, 10):
        starvation.note(now, WINDOW_SECONDS, HALF)
    starvation.note(60, WINDOW_SECONDS, FULL)
    starvation.note(70, WINDOW_SECONDS, HALF)
    assert starvation.lasts(70 + 0.9 * MIN_PAUSE_SECONDS)
    assert not starvation.lasts(70 + 1.1 * MIN_PAUSE_SECONDS)


def test_one_hiccup_in_many_short_orders_is_no_starvation():
    starvation = Starvation(2)
    for order in range(200):
        starvation.note(
            order, WINDOW_SECONDS / 50, FULL / 50 - (HALF / 10 if order % 50 == 0 else 0)
        )
        assert not starvation.lasts(order)


def test_waking_is_no_starvation():
    """Each order of 0.3 ms finds the other thread asleep, which costs it a third of its time."""
    starvation = Starvation(2)
    for order in range(200):
        starvation.note(order, 3e-4, 6e-4 - 1e-4)
        assert not starvation.lasts(order)


def test_a_team_judges_by_its_threads_clocks(monkeypatch):
    """A second passes, of which the two threads had a core for half a second altogether."""
    two = ThreadTeam(2)
    if not two._clocks:
        pytest.skip("no clock of another thread's on this system")
    moments, computed = iter([0.0, 1.0, 1.0, 1.0 + 2 * MIN_PAUSE_SECONDS]), iter([3.0, 3.5])
    monkeypatch.setattr("time.perf_counter", lambda: next(moments))
    monkeypatch.setattr(two, "_computed", lambda: next(computed))
    two.run([replay([]), replay([])])
    assert two.starves()
    assert not two.starves()
