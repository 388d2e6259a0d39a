"""Tests of kernels in the simulator; `test_simulated.py` runs them in processes of their own.

By hand: NUMBA_ENABLE_CUDASIM=1 python -m pytest tests/cuda/simulated
With TILE_ROWS=8 the blocks have a quarter of their threads, and take a quarter of the time; with 4
they are a warp.
"""

import os
from collections import defaultdict

import pytest

if os.environ.get("NUMBA_ENABLE_CUDASIM") != "1":
    raise pytest.UsageError(
        "these tests need a simulated GPU: NUMBA_ENABLE_CUDASIM=1 python -m pytest ..."
    )

import numpy as np

from gpubackprop.kernels.cuda import tile

if rows := int(os.environ.get("TILE_ROWS", "0")):
    # before any kernel is made of these numbers
    tile.ROWS, tile.THREADS = rows, rows * tile.LANES
    tile.TILE, tile.WARPS = rows * tile.COLUMNS, tile.THREADS // tile.WARP

from gpubackprop.fitting import prediction
from gpubackprop.kernels.calls import executed
from gpubackprop.kernels.cuda.primitives import Primitives
from tests.cuda.shuttle import Shuttle
from tests.cuda.simulated.stand_in import StandIn
from tests.device_memory import PackedMemory, StandInMemory

prediction.BLOCK_ROWS = 70
"""Rows that are left to NumPy at most: few are already more."""
TOO_MANY = 1_500
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


def pytest_collection_modifyitems(config, items):
    """Run each case in one setting, so that each value of each parameter still meets all three."""
    numbers = defaultdict(dict)
    kept = [item for item in items if runs(item, numbers)]
    config.hook.pytest_deselected(items=list(set(items) - set(kept)))
    items[:] = kept


def runs(item, numbers):
    """Whether a case belongs to its setting in the Latin square of its parameters' values."""
    marks = list(item.iter_markers("parametrize"))
    if not marks or "setting" not in item.fixturenames:
        return True
    total = 0
    for mark in marks:
        names = mark.args[0].split(",") if isinstance(mark.args[0], str) else mark.args[0]
        known = numbers[item.originalname, tuple(names)]
        total += known.setdefault(tuple(item.callspec.params[name] for name in names), len(known))
    return list(SETTINGS.values())[total % len(SETTINGS)] == item.callspec.params["setting"]


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
