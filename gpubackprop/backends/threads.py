"""How many threads may compute, and a BLAS that leaves the threading to us meanwhile."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any

import threadpoolctl

_lock = threading.Lock()
_guests = 0
_limited: list[tuple[Any, int]] = []


@cache
def _pools() -> list[Any]:
    """Controllers of the BLAS libraries in this process, SciPy's among them."""
    import_module("scipy.linalg.cython_blas")
    controller = threadpoolctl.ThreadpoolController().select(user_api="blas")
    return list(controller.lib_controllers)


def available() -> int:
    """Threads that the BLAS would use: the environment's or `threadpool_limits`'s choice.

    While it is held to one thread, the number from before counts; 1 where it cannot be held.
    """
    with _lock:
        if _guests:
            return max((before for _, before in _limited), default=1)
        return max((pool.num_threads for pool in _pools()), default=1)


def _start_afresh() -> None:
    """Give a forked process, which has one thread, the threads back that others held."""
    global _guests
    if _guests:
        _guests = 0
        for pool, before in _limited:
            pool.set_num_threads(before)
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_start_afresh
    )


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Hold the BLAS to one thread; nested and concurrent uses count as one."""
    global _guests
    with _lock:
        _guests += 1
        if _guests == 1:
            _limited[:] = [(pool, pool.num_threads) for pool in _pools()]
            for pool, _ in _limited:
                pool.set_num_threads(1)
    try:
        yield
    finally:
        with _lock:
            _guests -= 1
            if not _guests:
                for pool, before in _limited:
                    pool.set_num_threads(before)
