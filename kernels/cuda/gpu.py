"""One NVIDIA GPU: its memory, stream and code, through CuPy.

CuPy is imported when a GPU is first used. Kernels are launched by the driver with arguments packed
once, so that a launch costs microseconds even where it is not part of a graph.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.metadata import version
from itertools import chain
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..group import Group
from ..kernel import Kernel, Launch
from ..native import gc_pause, store
from ..native.arguments import Array
from . import cublas
from .device import Branch, CaptureError, Extent, Rounding
from .nccl import Nccl

_log = logging.getLogger("gpubackprop")
_lock = threading.Lock()
_one_capture = threading.Lock()  # at a time: Python's collector is the process's
_entries: dict[tuple[int, str], int] = {}  # kernels' code on each device, by name
_mine = threading.local()


class Gpu:
    """One device, as CUDA counts them, with a stream of its own that all of its work is queued on.

    Within `with gpu:` CuPy uses the stream as well.
    """

    def __init__(self, index: int) -> None:
        import cupy

        self.cupy = cupy
        self._index, self._device = index, cupy.cuda.Device(index)
        self.capability = _capability(str(self._device.compute_capability))
        self.multiprocessors = int(self._device.attributes["MultiProcessorCount"])
        self._connected: WeakKeyDictionary[Group, Nccl] = WeakKeyDictionary()
        with self._device:
            self.stream = cupy.cuda.Stream(non_blocking=True)
            self._reached = cupy.cuda.Event(disable_timing=True)
            with self.stream:
                size = cublas.WORKSPACE_BYTES
                self._workspace = cupy.cuda.alloc(size)
                self._blas = cublas.Cublas(
                    cublas.load(), self.stream.ptr, self._workspace.ptr, size
                )

    def __enter__(self) -> "Gpu":
        self._device.__enter__()
        self.stream.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.stream.__exit__(*error)
        self._device.__exit__(*error)

    def address(self, array: Array) -> int:
        """Address of an array's first element on the device."""
        return cublas.address(array)

    def zeros(self, size: int, dtype: np.dtype[Any]) -> Array:
        """Memory on the device; CuPy starts every allocation on a boundary of 512 bytes."""
        with self:
            zeros: Array = self.cupy.zeros(size, dtype)
        return zeros

    def full(self, size: int, value: float, dtype: np.dtype[Any]) -> Array:
        """The same memory, each element set to a value."""
        with self:
            filled: Array = self.cupy.full(size, value, dtype)
        return filled

    def empty(self, size: int, dtype: np.dtype[Any]) -> Array:
        """The same memory, not set to zero."""
        with self:
            room: Array = self.cupy.empty(size, dtype)
        return room

    def pinned(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """Zeros in the process's memory that the device copies from by itself."""
        import cupyx

        zeros: Array = cupyx.zeros_pinned(shape, dtype)
        return zeros

    def launch(
        self,
        kernel: Kernel,
        grid: Extent,
        block: Extent,
        arguments: Mapping[str, Any],
    ) -> Launch:
        """Prepare a kernel's launch; its arguments are packed once."""
        real, slots = kernel.real(arguments), np.zeros(len(arguments), np.int64)
        for slot, (kind, dtype, argument) in zip(
            slots.reshape(-1, 1), kernel.in_order(arguments), strict=True
        ):
            if kind.is_array:
                slot[0] = self.address(argument)
            else:
                slot.view(dtype)[0] = argument
        addresses = slots.ctypes.data + 8 * np.arange(len(slots), dtype=np.int64)
        run = partial(
            self.cupy.cuda.driver.launchKernel,
            self._entry(kernel, real),
            *(*grid, 1, *block, 1),
            *(0, self.stream.ptr, addresses.ctypes.data, 0),
        )
        return Launch(kernel.name(real), run, (slots, addresses, *arguments.values()))

    def product(self, A: Array, B: Array, C: Array, rounding: Rounding) -> Launch:
        """Prepare C = A B."""
        return Launch("product", self._blas.product(A, B, C, rounding), (A, B, C))

    def all_reduce(self, total: Array, ranks: Group) -> Launch:
        """Prepare the sum of a vector over ranks; the first time, all of them connect."""
        if ranks not in self._connected:
            with self:
                self._connected[ranks] = Nccl(self.cupy, ranks)
        nccl, place = self._connected[ranks], self.address(total)
        run = nccl.all_reduce(place, len(total), total.dtype, self.stream.ptr)
        return Launch("all_reduce", run, (total, nccl))

    def capture(self, launches: list[Launch], beside: Sequence[Branch] = ()) -> Launch:
        """Record launches in a CUDA Graph; they must have run once, so that all is loaded.

        Those of other streams are branches of it; no other thread queues on their streams
        meanwhile. The graph runs on this one's. CaptureError if CUDA refuses one of them, or has no
        room for the graph.
        """
        others = [other for other, _ in beside]
        every = [*launches, *chain.from_iterable(branch for _, branch in beside)]
        with self:
            for other in others:
                self.follow(other)
            self.stream.synchronize()
            try:
                # what others left in cycles would be freed in the capture, and recorded
                with _one_capture:
                    graph = gc_pause.without(partial(self._captured, every, others))
                graph.upload(self.stream)
            except Exception as reason:
                raise CaptureError(f"{type(reason).__name__}: {reason}") from reason
        return Launch("graph", partial(graph.launch, self.stream), (graph, *every))

    def follow(self, other: "Gpu") -> None:
        """Let what is queued on this stream next wait for all that is queued on another by now."""
        other._reached.record(other.stream)
        self.stream.wait_event(other._reached)

    def _captured(self, launches: list[Launch], others: "list[Gpu]") -> Any:
        self.stream.begin_capture()
        try:
            for other in others:  # a stream that follows a captured one is captured with it
                other.follow(self)
            for launch in launches:
                launch.run()
            for other in others:
                self.follow(other)
        except BaseException:
            self._abandon_capture()
            raise
        return self.stream.end_capture()

    def _abandon_capture(self) -> None:
        try:
            self.stream.end_capture()
        except Exception as reason:
            _log.debug("ending the capture: %s", reason)

    def _entry(self, kernel: Kernel, real: np.dtype[Any]) -> int:
        """Address of a kernel's code on this device."""
        key = self._index, kernel.name(real)
        with _lock, self._device:
            if key not in _entries:
                symbol, code = _machine_code(kernel, real, self.capability)
                driver = self.cupy.cuda.driver
                module = driver.moduleLoadData(code)  # stays for the life of the process
                _entries[key] = int(driver.moduleGetFunction(module, symbol))
        return _entries[key]


def gpu(index: int) -> Gpu:
    """The device of this index; one object a thread, as a stream that is captured takes all."""
    devices: dict[int, Gpu] = vars(_mine).setdefault("devices", {})
    if index not in devices:
        devices[index] = Gpu(index)
    return devices[index]


def _machine_code(
    kernel: Kernel, real: np.dtype[Any], capability: tuple[int, int]
) -> tuple[str, bytes]:
    """Symbol and cubin, from disk or from the compiler."""
    processor = "sm_{}{}".format(*capability)
    name = f"{processor}-{kernel.name(real)}-{version('numba-cuda')}"
    kept = store.read(name)
    if kept:
        return kept
    made = _compiled(kernel, real, capability)
    store.write(name, *made)
    _log.debug("compiled %s", name)
    return made


def _compiled(
    kernel: Kernel, real: np.dtype[Any], capability: tuple[int, int]
) -> tuple[str, bytes]:
    """Compile, with Numba-CUDA: a process that finds its kernels does without importing it."""
    try:
        compiler: Any = import_module(".compiler", __package__)
        made: tuple[str, bytes] = compiler.compile_kernel(kernel, real, capability)
    except Exception as reason:  # of any kind, where versions do not go together
        words = f"{type(reason).__name__}: {reason}"
        raise RuntimeError(
            f"{kernel.name(real)} does not compile: {words}; install the versions that "
            "'gpubackprop[cuda13]' or 'gpubackprop[cuda12]' asks for"
        ) from reason
    return made


def _capability(digits: str) -> tuple[int, int]:
    """Split "90" or "120" into major and minor."""
    return int(digits[:-1]), int(digits[-1])
