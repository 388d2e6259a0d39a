"""The BLAS is held to one thread while ours compute, and only then."""

import os
import warnings

import pytest

from gpubackprop.backends import threads


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
