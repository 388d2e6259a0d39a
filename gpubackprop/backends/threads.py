"""How many threads may compute, and a BLAS that leaves the threading to us meanwhile."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from importlib import import_module
from typing import Any, TypeVar

import threadpoolctl

from ..kernels.blas_library import library
from .quota import cores

Result = TypeVar("Result")


class _Limit:
    """BLAS libraries that are held to one thread, and the numbers of threads that they had."""

    def __init__(self, pools: list[Any]) -> None:
        self._pools = pools
        self._before: dict[Any, int] = {}

    def hold(self) -> None:
        """Set all to one thread, even where someone has raised the number since the last time."""
        for pool in self._pools:
            threads = pool.num_threads
            if threads > 1:
                self._before[pool] = threads
                _set(pool, 1)

    def release(self) -> None:
        """Set back what is still at one thread: another number is another caller's choice."""
        for pool, threads in self._before.items():
            if pool.num_threads == 1:
                _set(pool, threads)
        self._before.clear()

    def threads(self) -> int:
        """Return the largest number of threads, as it was before the hold; 1 without a library."""
        return max((self._before.get(pool, pool.num_threads) for pool in self._pools), default=1)


def _set(pool: Any, threads: int) -> None:
    """Set a library's threads from whatever thread.

    threadpoolctl 3.8 lets the first thread that sets OpenBLAS do so, and ignores all others.
    """
    getattr(pool, "_real_set_num_threads", pool.set_num_threads)(threads)


def _counts_by_thread(pool: Any) -> bool:
    """Whether a library keeps a number for each thread that calls it, not one for the process."""
    openmp = getattr(pool, "threading_layer", None) == "openmp"
    return pool.internal_api == "mkl" or (pool.internal_api == "openblas" and openmp)


@cache
def _pools() -> list[Any]:
    """Controllers of the BLAS libraries in this process, SciPy's and the one in use among them."""
    import_module("scipy.linalg.cython_blas")
    library()
    controller = threadpoolctl.ThreadpoolController().select(user_api="blas")
    return list(controller.lib_controllers)


@cache
def _shared() -> _Limit:
    """Libraries that have one number of threads in the whole process."""
    return _Limit([pool for pool in _pools() if not _counts_by_thread(pool)])


class _Own(threading.local):
    """What a thread has for itself."""

    def __init__(self) -> None:
        self.holds: set[_Hold] = set()
        self.most: int | None = None
        self.share: int | None = None

    @cached_property
    def limit(self) -> _Limit:
        """Libraries that have a number of threads for each thread that calls them."""
        return _Limit([pool for pool in _pools() if _counts_by_thread(pool)])


class _Hold:
    """One `with` in which the BLAS is held to one thread.

    Taking and giving back may be cut short anywhere by an interrupt, and giving back be repeated.
    """

    def __enter__(self) -> None:
        _undisturbed(self._take)

    def __exit__(self, *error: object) -> None:
        _undisturbed(self.give_back)

    def _take(self) -> None:
        shared, own = _shared(), _own.limit
        _own.holds.add(self)
        _guests.add(self)
        shared.hold()
        own.hold()

    def give_back(self) -> None:
        """Set the number of threads back where no other hold needs it; harmless when repeated."""
        if _guests <= {self}:
            _shared().release()
        if _own.holds <= {self}:
            _own.limit.release()
        _guests.discard(self)
        _own.holds.discard(self)


_lock = threading.RLock()
_guests: set[_Hold] = set()
"""Holds of all threads."""
_own = _Own()


def _undisturbed(work: Callable[[], Result]) -> Result:
    """Do work while no other thread changes or reads limits."""
    # One line: what a tracer raises on a `with`'s own line, on the way out, leaves it locked.
    with _lock: return work()  # noqa: E701  # fmt: skip


def single_threaded_blas() -> _Hold:
    """Hold the BLAS to one thread within a `with`; nested and concurrent uses count as one.

    Some libraries count by thread: each thread that calls the BLAS has to hold it.
    """
    return _Hold()


def giving_back(work: Callable[[], Result]) -> Result:
    """Do work, and give back every hold that it took, wherever an interrupt may end it.

    `with` cannot promise that: an interrupt may come when a hold is taken and its body not begun,
    or end `__exit__` at its start.
    """
    outer = frozenset(_own.holds)
    try:
        try:
            return work()
        finally:
            _give_back_all_but(outer)
    finally:
        _give_back_all_but(outer)  # the interrupt may have come in the line above


def _give_back_all_but(outer: frozenset[_Hold]) -> None:
    for hold in _own.holds - outer:
        _undisturbed(hold.give_back)


def multiply_alone() -> None:
    """Hold the calling thread's BLAS to one thread for good, where that concerns no other thread.

    For threads that are started to compute: what is set in the thread that leads them does not
    reach them where the library counts by thread.
    """
    _own.limit.hold()


def available() -> int:
    """Threads that the BLAS would use: the environment's or `threadpool_limits`'s choice.

    While it is held to one thread, the number from before counts; 1 where it cannot be held. A
    container's CPU quota counts as the cores that it is worth. 1 in a thread that computes alone;
    where several processes share the machine, the share of this one.
    """
    if _own.share is not None:
        return min(_own.share, _own.most or _own.share)
    threads = _undisturbed(lambda: max(_shared().threads(), _own.limit.threads()))
    return min(threads, cores() or threads, _own.most or threads)


def compute_alone() -> None:
    """Let nothing that the calling thread computes be divided among threads, for good.

    For threads of which each has work of its own, such as the fits of a search.
    """
    _own.most = 1


def computes_alone() -> bool:
    """Say whether nothing is divided that the calling thread computes, as in a search."""
    return _own.most == 1


@contextmanager
def sharing(share: int) -> Iterator[None]:
    """Divide the calling thread's work among `share` threads within a `with`.

    Whatever the BLAS would use: a launcher may have set that to one, or to all for each process.
    """
    before, _own.share = _own.share, share
    try:
        yield
    finally:
        _own.share = before


def _start_afresh() -> None:
    """Give a forked process, which has one thread, the threads back that holds took from it."""
    if _guests:
        _guests.clear()
        _own.holds.clear()
        _shared().release()
        _own.limit.release()
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_start_afresh
    )
