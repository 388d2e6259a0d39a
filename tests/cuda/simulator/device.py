"""What `cuda` and `math` stand for inside a kernel."""

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cuda.simulator.history import History
from tests.cuda.simulator.memory import Index, Memory, size_in_bytes
from tests.cuda.simulator.schedule import WARP, Dim3, DivergenceError, Launch, line_of

ALL_LANES = 0xFFFFFFFF
MOST_SHARED = 48 * 1024  # bytes that a kernel may declare, on every GPU


class Device:
    """The module `cuda`, as far as kernels use it."""

    warpsize = WARP

    def __init__(self, launch: Launch, races: bool):
        self._launch = launch
        self.gridDim, self.blockDim = launch.grid_dim, launch.block_dim
        self.shared, self.local = Shared(launch, races), Local()
        self.atomic = Atomic()

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the simulator has no cuda.{name}")

    @property
    def threadIdx(self) -> Dim3:  # noqa: N802
        return self._launch.thread.index

    @property
    def blockIdx(self) -> Dim3:  # noqa: N802
        return self._launch.thread.block.index

    @property
    def laneid(self) -> int:
        return self._launch.thread.lane

    def grid(self, dimensions: int) -> int | tuple[int, ...]:
        thread, sizes = self._launch.thread, self._launch.block_dim
        parts = zip(thread.block.index, sizes, thread.index, strict=True)
        return one_or_many([b * n + t for b, n, t in parts], dimensions)

    def gridsize(self, dimensions: int) -> int | tuple[int, ...]:
        parts = zip(self.gridDim, self.blockDim, strict=True)
        return one_or_many([g * b for g, b in parts], dimensions)

    def syncthreads(self) -> None:
        self._launch.thread.wait("syncthreads")

    def syncwarp(self, mask: int = ALL_LANES) -> None:
        self._meet("syncwarp", mask)

    def threadfence(self) -> None:
        self._launch.fence()

    def shfl_sync(self, mask: int, value: Any, lane: int) -> Any:
        return self._shuffle("shfl_sync", mask, value, int(lane) % WARP)

    def shfl_xor_sync(self, mask: int, value: Any, lane_mask: int) -> Any:
        return self._shuffle("shfl_xor_sync", mask, value, self.laneid ^ int(lane_mask))

    def shfl_down_sync(self, mask: int, value: Any, delta: int) -> Any:
        return self._shuffle("shfl_down_sync", mask, value, self.laneid + int(delta))

    def shfl_up_sync(self, mask: int, value: Any, delta: int) -> Any:
        return self._shuffle("shfl_up_sync", mask, value, self.laneid - int(delta))

    def _shuffle(self, name: str, mask: int, value: Any, source: int) -> Any:
        offers = self._meet(name, mask, value)
        if not 0 <= source < WARP:
            return value
        if source not in offers:
            raise DivergenceError(f"{name} reads lane {source}, which takes no part in it")
        return offers[source]

    def _meet(self, name: str, mask: int, offer: Any = None) -> dict[int, Any]:
        thread, mask = self._launch.thread, int(mask) & ALL_LANES  # -1 is all lanes too
        if not mask >> thread.lane & 1:
            raise DivergenceError(f"lane {thread.lane} is not in the mask {mask:#x} of its {name}")
        return thread.wait(name, mask, offer)


def one_or_many(values: list[int], dimensions: int) -> int | tuple[int, ...]:
    return values[0] if dimensions == 1 else tuple(values[:dimensions])


class Shared:
    """`cuda.shared`: a declaration is one array for each block, however often it is met."""

    def __init__(self, launch: Launch, races: bool):
        self._launch, self._races = launch, races

    def array(self, shape: Index, dtype: Any) -> Memory:
        frame, block = sys._getframe(1), self._launch.thread.block
        # each translated function has globals of its own, which a factory's code has not
        place = id(frame.f_globals), id(frame.f_code), frame.f_lasti
        if place not in block.shared:
            self._charge(size_in_bytes(shape, dtype))
            name = f"the shared array of {line_of(frame)}"
            block.shared[place] = Memory.poisoned(shape, dtype, name, self._history())
        return block.shared[place]

    def _history(self) -> History | None:
        block = self._launch.thread.block
        if self._races and block.history is None:
            block.history = History(self._launch)
        return block.history

    def _charge(self, size: int) -> None:
        block = self._launch.thread.block
        block.shared_bytes += size
        if not size or block.shared_bytes > MOST_SHARED:
            raise MemoryError(f"{block.shared_bytes} bytes of shared memory, of {MOST_SHARED}")


class Local:
    """`cuda.local`: an array of each thread."""

    @staticmethod
    def array(shape: Index, dtype: Any) -> Memory:
        return Memory.poisoned(shape, dtype, "a local array", None)


class Atomic:
    """`cuda.atomic`."""

    @staticmethod
    def add(array: Memory, index: Index, value: Any) -> Any:
        return array.atomic_add(index, value)


class Math:
    """`math` as Numba compiles it: float32 in, float32 out, and infinities where Python raises."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(math, name)
        if callable(value):
            value = getattr(np, {"pow": "power"}.get(name, name), None) or in_double(value)
        setattr(self, name, value)  # found at once the next time
        return value


def in_double(function: Callable[..., float]) -> Callable[..., Any]:
    """A function that NumPy lacks."""

    def rounded(*values: Any) -> Any:
        result = function(*map(float, values))
        single = all(isinstance(value, np.float32) for value in values)
        return np.float32(result) if single else np.float64(result)

    return rounded
