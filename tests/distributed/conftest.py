"""Threads as ranks."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from gpubackprop.distributed import thread_group
from gpubackprop.distributed.block import data_parallel


@pytest.fixture
def in_threads(monkeypatch):
    """Run work on several ranks, threads of this process; return what each returns."""
    monkeypatch.setattr(thread_group, "PATIENCE_SECONDS", 1.0)

    def run(size, work, shards=False):
        def of_rank(group):
            with data_parallel(group, shards=shards):
                return work(group)

        with ThreadPoolExecutor(size) as pool:
            futures = [pool.submit(of_rank, each) for each in thread_group.thread_groups(size)]
        return [future.exception() or future.result() for future in futures]

    return run
