"""The BLAS is held to one thread while ours compute, and only then."""

import os
import threading
import warnings
from collections import defaultdict
from functools import cache

import pytest

from gpubackprop.backends import threads
from gpubackprop.backends.thread_team import ThreadTeam
from gpubackprop.kernels.replay import replay


def test_nested_holds_count_as_one():
    before = threads.available()
    with threads.single_threaded_blas():
        with threads.single_threaded_blas():
            assert {pool.num_threads for pool in threads._pools()} == {1}
        assert {pool.num_threads for pool in threads._pools()} == {1}
        assert threads.available() == before
    assert max(pool.num_threads for pool in threads._pools()) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_holds_nothing():
    """It has one thread; what another held in the parent would never be let go in it."""
    before = threads.available()
    with threads.single_threaded_blas(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of any fork
        warnings.simplefilter("ignore", RuntimeWarning)  # and JAX, where another test loaded it
        child = os.fork()
        if child == 0:
            free = not threads._guests and threads.available() == before
            os._exit(0 if free else 1)
        _, status = os.waitpid(child, 0)
    assert status == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_within_a_hold_leaves_no_hold_less_than_none():
    """A callback forks, and both go on with the fit: the child's next hold is its first again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        with threads.single_threaded_blas():
            child = os.fork()
        if child == 0:
            with threads.single_threaded_blas():
                held = {pool.num_threads for pool in threads._pools()} == {1}
            os._exit(0 if held else 1)
    _, status = os.waitpid(child, 0)
    assert status == 0


class CountsByThread:
    """A library like MKL, or an OpenBLAS on OpenMP: each thread has a number of its own."""

    internal_api = "mkl"

    def __init__(self):
        self.by_thread = defaultdict(lambda: 4)

    @property
    def num_threads(self):
        return self.by_thread[threading.current_thread()]

    def set_num_threads(self, threads):
        self.by_thread[threading.current_thread()] = threads


@pytest.fixture
def counts_by_thread(monkeypatch):
    library = CountsByThread()
    monkeypatch.setattr(threads, "_pools", lambda: [library])
    monkeypatch.setattr(threads, "_shared", cache(threads._shared.__wrapped__))
    monkeypatch.setattr(threads, "_own", threads._Own())
    return library


def test_each_thread_holds_a_library_that_counts_by_thread(counts_by_thread):
    inside, outside = threading.Event(), threading.Event()
    seen = []

    def other():
        with threads.single_threaded_blas():
            seen.append(counts_by_thread.num_threads)
            inside.set()
            outside.wait(60)
            seen.append(counts_by_thread.num_threads)
        seen.append(counts_by_thread.num_threads)

    thread = threading.Thread(target=other, daemon=True)
    with threads.single_threaded_blas():
        thread.start()
        assert inside.wait(60)
        assert counts_by_thread.num_threads == 1
    assert counts_by_thread.num_threads == 4
    outside.set()
    thread.join(60)
    assert seen == [1, 1, 4]


def test_a_team_multiplies_alone_where_the_library_counts_by_thread(counts_by_thread):
    two = ThreadTeam(2)
    two.run([replay([]), replay([])])
    numbers = {thread.name: n for thread, n in counts_by_thread.by_thread.items()}
    assert numbers["gpubackprop-1"] == 1
    assert counts_by_thread.num_threads == 4


def test_an_interrupt_of_giving_back_leaves_nothing_held(monkeypatch):
    give_back, interrupts = threads._give_back_all_but, iter([True])

    def interrupted(outer):
        if next(interrupts, False):
            raise KeyboardInterrupt
        give_back(outer)

    monkeypatch.setattr(threads, "_give_back_all_but", interrupted)
    with pytest.raises(KeyboardInterrupt):
        threads.giving_back(lambda: threads.single_threaded_blas().__enter__())
    assert not threads._guests
