"""Tests of kernels in the simulator; `test_simulated.py` runs them in processes of their own.

By hand: NUMBA_ENABLE_CUDASIM=1 python -m pytest tests/cuda/simulated
"""

import os

import pytest

if os.environ.get("NUMBA_ENABLE_CUDASIM") != "1":
    raise pytest.UsageError(
        "these tests need a simulated GPU: NUMBA_ENABLE_CUDASIM=1 python -m pytest ..."
    )

import numpy as np

from gpubackprop.kernels.cuda.primitives import Primitives
from tests.cuda.shuttle import Shuttle
from tests.cuda.simulated.stand_in import PackedMemory, StandIn, StandInMemory

TOO_MANY = 20_000
"""Elements that the simulator would take seconds for."""


class Patient(Shuttle):
    """A shuttle that leaves what is large to the tests on a GPU."""

    def _moved(self, there, argument):
        if getattr(argument, "size", 0) > TOO_MANY:
            pytest.skip("too large for the simulator")
        return super()._moved(there, argument)


@pytest.fixture(params=[StandInMemory, PackedMemory], ids=["aligned", "packed"])
def kernels(request):
    return Patient(Primitives(StandIn()), request.param())


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


@pytest.fixture
def rng():
    return np.random.default_rng(20240229)
