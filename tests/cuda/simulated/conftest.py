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

from gpubackprop.kernels.calls import executed
from gpubackprop.kernels.cuda.primitives import Primitives
from tests.cuda.shuttle import Shuttle
from tests.cuda.simulated.stand_in import StandIn
from tests.device_memory import PackedMemory, StandInMemory

TOO_MANY = 8_000
"""Elements that the simulator would take long for; `test_large.py` has what only they meet."""


class Patient(Shuttle):
    """A shuttle that leaves what is large to the tests on a GPU."""

    def _moved(self, there, argument):
        if getattr(argument, "size", 0) > TOO_MANY:
            pytest.skip("too large for the simulator")
        return super()._moved(there, argument)


SETTINGS = {
    "aligned": (StandInMemory, "float32"),
    "packed": (PackedMemory, "float32"),
    "double": (StandInMemory, "float64"),
}
"""Memory and dtype: the kernels read either memory, whatever the type, by the same lines."""


@pytest.fixture(params=SETTINGS.values(), ids=SETTINGS)
def setting(request):
    return request.param


@pytest.fixture
def kernels(setting):
    memory, _ = setting
    return Patient(executed(Primitives(StandIn())), memory())


@pytest.fixture
def dtype(setting):
    _, dtype = setting
    return np.dtype(dtype)


@pytest.fixture
def steps():
    """Steps of an optimizer; the simulator takes half a second for each."""
    return 2


@pytest.fixture
def rng():
    return np.random.default_rng(20240229)
