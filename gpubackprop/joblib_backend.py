"""A joblib backend for searches over networks: a thread for each fit, which is not divided further.

A fit spends its time in machine code, where threads do not wait for each other, and starts sooner
in a thread than in a process. `with joblib.parallel_config(backend="gpubackprop"):` chooses it.

On a GPU the mini-batches of fits that run at the same time are branches of one CUDA Graph, and
their equal rows lie on the GPU once. Neither has run on a GPU.
"""

from multiprocessing.pool import ThreadPool
from typing import Any

from joblib._parallel_backends import SequentialBackend, ThreadingBackend

from .backends import threads


class FitsInThreads(ThreadingBackend):  # type: ignore[misc]
    """Runs each task in one of as many threads as there are cores, the BLAS held to one."""

    default_n_jobs = -1
    _pool: Any = None

    def start_call(self) -> None:
        """Hold the BLAS to one thread until all tasks are done."""
        self._hold = threads.single_threaded_blas()
        self._hold.__enter__()

    def stop_call(self) -> None:
        """Give the BLAS its threads back."""
        self._hold.give_back()

    def get_nested_backend(self) -> tuple[Any, None]:
        """Run what a task itself would divide in the task's thread."""
        return SequentialBackend(nesting_level=(self.nesting_level or 0) + 1), None

    def _get_pool(self) -> Any:
        if self._pool is None:
            self._pool = ThreadPool(self._n_jobs, initializer=threads.compute_alone)
        return self._pool
