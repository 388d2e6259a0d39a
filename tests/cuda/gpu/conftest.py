"""Tests on a GPU: `python -m pytest -m gpu`. Where none is usable, one of each file says why."""

from pathlib import Path

import numpy as np
import pytest

from gpubackprop.backends.cuda import backend as cuda
from gpubackprop.backends.cuda import detection
from gpubackprop.backends.cuda.memory import DeviceMemory
from gpubackprop.kernels.calls import executed
from gpubackprop.kernels.cuda.gpu import gpu
from gpubackprop.kernels.cuda.primitives import Primitives
from tests.cuda.gpu.devices import Poisoned
from tests.cuda.shuttle import Shuttle
from tests.device_memory import NanBetweenRows, Packed

collect_ignore = [] if detection.status()[0] else ["test_gpu_primitives.py"]
"""Thousands of cases; the other files say why none is run."""


def pytest_collection_modifyitems(config, items):
    """Keep the first test of each file where no GPU is usable: thousands would say the same."""
    if detection.status()[0]:
        return
    ours = [item for item in items if item.path.parent == Path(__file__).parent]
    first = {item.path: item for item in reversed(ours)}
    silent = set(ours) - set(first.values())
    config.hook.pytest_deselected(items=list(silent))
    items[:] = [item for item in items if item not in silent]


@pytest.fixture(autouse=True)
def usable_gpu():
    usable, reason = detection.status()
    if not usable:
        pytest.skip(reason)


@pytest.fixture
def device(usable_gpu):
    """GPU 0, current and with its stream in use."""
    with gpu(0) as device:
        yield device


@pytest.fixture
def backend(usable_gpu):
    return cuda.backend(0)


@pytest.fixture(params=[NanBetweenRows, Packed], ids=["aligned", "packed"])
def kernels(request, device):
    awkward = type("Awkward", (request.param, DeviceMemory), {})
    return Shuttle(executed(Primitives(Poisoned(device))), awkward(device))


@pytest.fixture
def memory(device):
    return DeviceMemory(device)


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


@pytest.fixture
def steps():
    """Steps of an optimizer that are compared."""
    return 100


@pytest.fixture
def rng():
    return np.random.default_rng(20240229)
