"""What `cuda` and `math` stand for inside a kernel."""

import math
import sys
from typing import Any

import numpy as np

from tests.cuda.simulator.memory import Memory
from tests.cuda.simulator.schedule import Dim, DivergenceError, Launch, line_of

ALL_LANES = 0xFFFFFFFF
MOST_SHARED = 48 * 1024  # bytes that a kernel may declare, on every GPU


class Device:
    """The module `cuda`, as far as kernels use it."""

    def __init__(self, launch: Launch):
        self._launch, self.shared = launch, Shared(launch)
        self.gridDim, self.blockDim = launch.grid_dim, launch.block_dim

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the simulator has no cuda.{name}")

    @property
    def threadIdx(self) -> Dim:  # noqa: N802
        return self._launch.thread.index

    @property
    def blockIdx(self) -> Dim:  # noqa: N802
        return self._launch.thread.block.index

    def grid(self, dimensions: int) -> int:
        assert dimensions == 1
        return self.blockIdx.x * self.blockDim.x + self.threadIdx.x

    def gridsize(self, dimensions: int) -> int:
        assert dimensions == 1
        return self.gridDim.x * self.blockDim.x

    def syncthreads(self) -> None:
        self._launch.thread.wait("syncthreads")

    def shfl_xor_sync(self, mask: int, value: Any, lane_mask: int) -> Any:
        assert mask == ALL_LANES
        thread = self._launch.thread
        offers, source = thread.wait("shfl_xor_sync", thread.warp, value), thread.lane ^ lane_mask
        if source not in offers:
            raise DivergenceError(f"shfl_xor_sync reads lane {source}, which takes no part in it")
        return offers[source]


class Shared:
    """`cuda.shared`: a declaration is one array for each block, however often it is met."""

    def __init__(self, launch: Launch):
        self._launch = launch

    def array(self, size: int, dtype: Any) -> Memory:
        frame, block = sys._getframe(1), self._launch.thread.block
        # each translated function has globals of its own, which a factory's code has not
        place = id(frame.f_globals), id(frame.f_code), frame.f_lasti
        if place not in block.shared:
            block.shared_bytes += size * np.dtype(dtype).itemsize
            if block.shared_bytes > MOST_SHARED:
                raise MemoryError(f"{block.shared_bytes} bytes of shared memory, of {MOST_SHARED}")
            array = np.empty(size, dtype)
            array.view(np.uint8).fill(0xFF)
            name = f"the shared array of {line_of(frame)}"
            block.shared[place] = Memory(array, name, block.history)
        return block.shared[place]


class Math:
    """`math` as Numba compiles it: float32 in, float32 out, and infinities where Python raises."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(math, name)
        value = getattr(np, name) if callable(value) else value
        setattr(self, name, value)  # found at once the next time
        return value
