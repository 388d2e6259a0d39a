"""Fits hold the BLAS to one thread, whichever thread they run in, and give it back as it was."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import threadpoolctl
from threadpoolctl import threadpool_limits

from gpubackprop import EpochRecord

from .agreement import ENDS_BY_ITSELF, TASKS, ours_for

GENEROUS = 300
"""Seconds until a thread that hangs is given up."""


def limits() -> set[int]:
    """Threads of every BLAS library in this process."""
    pools = threadpoolctl.threadpool_info()
    return {pool["num_threads"] for pool in pools if pool["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two_blas_threads() -> Iterator[None]:
    """Of this thread's choice: threadpoolctl lets no other thread choose meanwhile."""
    with threadpool_limits(limits=2):
        yield


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


Listener = Callable[[Any, EpochRecord], None]


def fit(listener: Listener) -> None:
    """Fit two epochs; the listener is called after each."""
    task = TASKS["regression"]

    def listen(estimator: Any, record: EpochRecord) -> bool:
        listener(estimator, record)
        return record.epoch == 2

    ours_for(task, hidden_layer_sizes=(4,), callbacks=[listen]).fit(task.X, task.y)


def watched(user: int | None) -> tuple[list[set[int]], set[int]]:
    """Limits within a fit and after it, in a user's own limit where one is given."""
    during: list[set[int]] = []
    with threadpool_limits(limits=user):
        fit(lambda *_: during.append(limits()))
        after = limits()
    return during, after


@pytest.mark.parametrize("user", [None, 1, 2, 3])
def test_in_the_main_thread(user: int | None) -> None:
    assert watched(user) == ([{1}, {1}], {user or 2})
    assert limits() == {2}


def test_in_another_thread(pool: ThreadPoolExecutor) -> None:
    for _ in range(2):
        assert pool.submit(watched, None).result(GENEROUS) == ([{1}, {1}], {2})
    assert limits() == {2}


def test_two_at_once(pool: ThreadPoolExecutor) -> None:
    """The first to begin ends first, and the other goes on with one BLAS thread."""
    both, first_is_over = threading.Barrier(2), threading.Event()
    during: list[set[int]] = []

    def wait_for_the_other(estimator: Any, record: EpochRecord) -> None:
        both.wait(GENEROUS)

    def wait_for_its_end(estimator: Any, record: EpochRecord) -> None:
        both.wait(GENEROUS)
        if record.epoch == 2:
            first_is_over.wait(GENEROUS)
            during.append(limits())

    other = pool.submit(fit, wait_for_its_end)
    pool.submit(fit, wait_for_the_other).result(GENEROUS)
    first_is_over.set()
    other.result(GENEROUS)
    assert during == [{1}]
    assert limits() == {2}


def test_a_fit_takes_no_control_from_another_threads_limit(pool: ThreadPoolExecutor) -> None:
    clear = getattr(
        threadpoolctl.OpenBLASController, "clear_controlling_thread", lambda force: None
    )
    clear(force=True)
    pool.submit(fit, lambda *_: None).result(GENEROUS)
    with threadpool_limits(limits=3):
        assert limits() == {3}


def test_what_another_thread_sets_meanwhile_stays() -> None:
    """It ends a limit of its own, say: what we found before was that limit."""

    def set_three(*_: Any) -> None:
        threadpool_limits(limits=3)

    fit(set_three)
    assert limits() == {3}


def test_predictions_in_another_thread(pool: ThreadPoolExecutor) -> None:
    task = TASKS["regression"]
    model = ours_for(task, hidden_layer_sizes=(4,), **ENDS_BY_ITSELF).fit(task.X, task.y)
    X = np.tile(task.X, (50, 1))
    expected = model.predict(X)
    np.testing.assert_array_equal(pool.submit(model.predict, X).result(GENEROUS), expected)
    assert limits() == {2}
