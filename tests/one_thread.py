"""One thread for the BLAS while a folder's tests run: its conftest imports the fixture."""

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(scope="package", autouse=True)
def one_blas_thread() -> Iterator[None]:
    """Small products are slower on several threads, the more so where others compute."""
    with threadpool_limits(limits=1):
        yield
