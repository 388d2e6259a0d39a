"""What stands in for a GPU where only the benchmark's own logic is tested: nothing is timed."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from gpubackprop.kernels import products
from gpubackprop.kernels.kernel import Launch


class Clock:
    """Device time, which passes by what is queued."""

    def __init__(self):
        self.now = 0.0


class Event:
    def __init__(self, clock):
        self._clock, self.time = clock, None

    def record(self, stream):
        self.time = self._clock.now

    def synchronize(self):
        assert self.time is not None


class FakeGpu:
    """NumPy in the place of CuPy; kernels are checked and counted, not run; a copy takes 1 s."""

    multiprocessors, name, capability = 3, "NVIDIA Fake 1", (9, 0)

    def __init__(self):
        self.clock, self.launched, self.entered = Clock(), [], 0
        self.stream = SimpleNamespace(ptr=7, synchronize=lambda: None)
        runtime = SimpleNamespace(memcpyDeviceToDevice=3, memcpyAsync=self._copy)
        cuda = SimpleNamespace(
            runtime=runtime,
            Device=lambda index: SimpleNamespace(attributes={"L2CacheSize": 1 << 20}),
            Event=lambda: Event(self.clock),
            get_elapsed_time=lambda start, end: 1e3 * (end.time - start.time),
        )
        self.cupy = SimpleNamespace(
            cuda=cuda, ndarray=np.ndarray, asarray=np.asarray, resize=np.resize
        )

    def __enter__(self):
        self.entered += 1
        return self

    def __exit__(self, *error):
        self.entered -= 1

    def address(self, array):
        return array.__array_interface__["data"][0]

    def zeros(self, size, dtype):
        return np.zeros(size, dtype)

    empty = zeros

    def full(self, size, value, dtype):
        return np.full(size, value, dtype)

    def launch(self, kernel, grid, block, arguments):
        kernel.in_order(arguments)
        return Launch(kernel.label, partial(self._take, kernel.factory.__name__, 2.0), ())

    def product(self, A, B, C, rounding):
        return products.by_blas(A, B, C)

    def capture(self, launches):
        assert self.entered, "captured on another stream"

        def replay():
            for launch in launches:
                launch.run()

        return Launch("graph", replay, tuple(launches))

    def _copy(self, target, source, size, kind, stream):
        assert (kind, stream) == (3, 7)
        self._take("copy", 1.0)

    def _take(self, name, seconds):
        self.launched.append(name)
        self.clock.now += seconds


@pytest.fixture
def fake():
    return FakeGpu()
