"""A joblib backend for searches over networks: a thread for each fit, which is not divided further.

A fit spends its time in machine code, where threads do not wait for each other, and starts sooner
in a thread than in a process. `with joblib.parallel_config(backend="gpubackprop"):` chooses it.

On a GPU the mini-batches of fits that run at the same time are branches of one CUDA Graph, and
their equal rows lie on the GPU once. Neither has run on a GPU.
"""

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from joblib._parallel_backends import SequentialBackend, ThreadingBackend

from .backends import threads

NAP_SECONDS = 0.5
"""Seconds that the one who waits for all tasks sleeps before looking for an interrupt."""


class Lanes:
    """Threads that take tasks in turn, with the methods of a `ThreadPool` that joblib calls.

    A thread that has ended a task tells of it itself, and the one that waits for all of them sleeps
    until then: nobody else wants Python's lock meanwhile.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._telling, self._counting = threading.Lock(), threading.Lock()  # taken in this order
        self._unfinished, self._failed, self._dismissed = 0, False, False
        self._news: SimpleQueue[None] = SimpleQueue()  # an interrupt leaves it sound, no condition
        for number in range(count):
            name = f"gpubackprop-lane-{number}"
            threading.Thread(target=self._work, name=name, daemon=True).start()

    def apply_async(
        self,
        task: Callable[..., Any],
        arguments: tuple[Any, ...],
        callback: Callable[[Any], None],
        error_callback: Callable[[Any], None],
    ) -> None:
        """Have a task done; the callback is told its result, and may hand in the next one.

        The task raises nothing: joblib's return what they have raised.
        """
        with self._counting:
            self._unfinished += 1
        self._tasks.put(partial(self._do, partial(task, *arguments), callback))

    def wait(self) -> None:
        """Sleep until no task is left, or one has failed."""
        while self._unfinished and not self._failed:
            with suppress(Empty):  # an interrupt that came just before the nap is seen after it
                self._news.get(timeout=NAP_SECONDS)

    def fail(self) -> None:
        """Wake the one that waits: a task has failed."""
        self._failed = True
        self._news.put(None)

    def close(self) -> None:
        """Do nothing: joblib terminates what it closes."""

    def terminate(self) -> None:
        """Dismiss the threads, and tell of no task from now on; nobody waits for those that run."""
        with self._telling:
            self._dismissed = True
        for _ in range(self._count):
            self._tasks.put(None)

    def _work(self) -> None:
        threads.compute_alone()
        while (do := self._tasks.get()) is not None:
            do()

    def _do(self, task: Callable[[], Any], callback: Callable[[Any], None]) -> None:
        if self._dismissed:
            return
        result = task()
        with self._telling:
            if not self._dismissed:
                callback(result)
        with self._counting:
            self._unfinished -= 1
            if self._unfinished == 0 and self._news.empty():
                self._news.put(None)


class FitsInThreads(ThreadingBackend):  # type: ignore[misc]
    """Runs each task in one of as many threads as there are cores, the BLAS held to one."""

    default_n_jobs = -1
    _pool: Lanes | None = None
    _releases: tuple[Callable[[], Any], ...] = ()
    """What gives the BLAS its threads back, for each call; a call may be cut short before it ends.
    """
    parallel: Any

    def start_call(self) -> None:
        """Hold the BLAS to one thread until all tasks are done."""
        hold = threads.single_threaded_blas()
        self._releases = (weakref.finalize(self, hold.__exit__), *self._releases)
        hold.__enter__()

    def stop_call(self) -> None:
        """Give the BLAS its threads back."""
        release, self._releases = self._releases[0], self._releases[1:]
        release()

    def get_nested_backend(self) -> tuple[Any, None]:
        """Run what a task itself would divide in the task's thread."""
        return SequentialBackend(nesting_level=(self.nesting_level or 0) + 1), None

    @contextmanager
    def retrieval_context(self) -> Iterator[None]:
        """Wait for all tasks where all results are wanted at once: joblib alone would poll."""
        wanted_singly = self.parallel.return_generator or self.parallel.timeout is not None
        if self._pool is not None and not wanted_singly:
            self._pool.wait()
        yield

    def retrieve_result_callback(self, out: Any) -> Any:
        """Return the result of a task; wake the one that waits if it has failed."""
        try:
            return super().retrieve_result_callback(out)
        except BaseException:
            self._get_pool().fail()
            raise

    def _get_pool(self) -> Lanes:
        if self._pool is None:
            self._pool = Lanes(self._n_jobs)
        return self._pool
