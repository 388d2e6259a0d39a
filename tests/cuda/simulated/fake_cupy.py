"""A CuPy whose device is made of NumPy arrays that nothing converts by accident.

What the real one refuses is refused here: to be read by NumPy, to be mixed with NumPy's arrays, to
be set where it is not contiguous. Each transfer is noted, with its shape.

A stream runs what is queued on it at once, or, where it is `late`, only when somebody waits for it:
the process, or another stream whose turn it is. A copy reads its source when it runs, unless that
is so small that CUDA copies it away before.
"""

import threading
from collections import deque
from functools import partial
from math import inf
from types import ModuleType, SimpleNamespace

import numpy as np

from gpubackprop.kernels.kernel import Launch
from tests.cuda.simulated.stand_in import StandIn

RETURN_ARRAYS = ("reshape", "ravel", "astype", "argmax", "sum", "any", "all", "copy", "min", "max")
PLAIN = ("shape", "dtype", "strides", "ndim", "size", "itemsize", "flags")


class Array(np.lib.mixins.NDArrayOperatorsMixin):
    """An array on the device."""

    __module__ = "cupy"

    def __init__(self, values):
        self.values = values

    device = property(lambda self: DEVICE)
    T = property(lambda self: Array(self.values.T))
    __cuda_array_interface__ = property(lambda self: self.values.__array_interface__)

    def __dlpack_device__(self):
        return 2, DEVICE.id

    def __array__(self, *args, **kwargs):
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return called(getattr(ufunc, method))(*inputs, **kwargs)

    def __array_function__(self, function, types, args, kwargs):
        return called(function)(*args, **kwargs)

    def __getattr__(self, name):
        if name in PLAIN:
            return getattr(self.values, name)
        if name in RETURN_ARRAYS:
            return called(getattr(self.values, name))
        raise AttributeError(name)

    def __getitem__(self, index):
        index = bare(index)
        index = index if isinstance(index, tuple) else (index,)
        if any(part is Ellipsis for part in index):
            return Array(self.values[index])
        return Array(self.values[(*index, ...)])  # a view, of a single element too

    def __setitem__(self, index, value):
        cupy.current.queue(partial(self.values.__setitem__, bare(index), bare(value)))

    def __len__(self):
        return len(self.values)

    def __bool__(self):
        return bool(self.values)

    def __float__(self):
        return float(self.values)

    def get(self):
        cupy.to_host.append(self.shape)
        cupy.current.run()
        return self.values.copy()

    def set(self, values, stream=None):
        if not (self.flags.c_contiguous or self.flags.f_contiguous):
            raise RuntimeError("Cannot set to non-contiguous array")
        if not isinstance(values, np.ndarray) or values.shape != self.shape:
            raise TypeError("Only numpy.ndarray of the same shape can be set to cupy.ndarray")
        cupy.to_device.append(self.shape)
        if not isinstance(values, Pinned) and values.nbytes <= COPIED_AWAY:
            values = values.copy()
        (stream or cupy.current).queue(partial(self.values.__setitem__, ..., values))


COPIED_AWAY = 64 << 10
"""Bytes of the source of a copy, at the most; the Driver API's documentation has this number."""


class Pinned(np.ndarray):
    """The process's memory that the device copies from by itself, however little."""


class Foreign:
    """An array of another library on the same device, which speaks DLPack."""

    def __init__(self, values):
        self.values = values
        self.shape = values.shape

    def __dlpack_device__(self):
        return 2, DEVICE.id

    def __dlpack__(self, **kwargs):
        return self.values

    def __array__(self, *args, **kwargs):
        raise TypeError("can't convert a device's tensor to numpy")


class OnHost(Foreign):
    """The same in the process's memory."""

    def __dlpack_device__(self):
        return 1, 0

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype=dtype)


def bare(value):
    """NumPy's array of one of the device's, or of all in a tuple, list or dict."""
    if isinstance(value, Array):
        return value.values
    if isinstance(value, np.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    if isinstance(value, tuple | list):
        return type(value)(map(bare, value))
    if isinstance(value, dict):
        return {name: bare(each) for name, each in value.items()}
    return value


def wrapped(value):
    """The device's array of one of NumPy's; CuPy has no scalars."""
    if isinstance(value, tuple):
        return tuple(map(wrapped, value))
    return Array(np.asarray(value)) if isinstance(value, np.ndarray | np.generic) else value


def called(function):
    """NumPy's function for the device's arrays."""

    def call(*args, **kwargs):
        cupy.current.run()
        with np.errstate(all="ignore"):  # a GPU does not warn
            return wrapped(function(*bare(args), **bare(kwargs)))

    return call


class Device:
    """The only one; a context in which it is current."""

    id = 0

    def __init__(self, index=0):
        assert index == 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass


DEVICE = Device()


ONE_AT_A_TIME = threading.RLock()
"""Held by the thread that runs what is queued, on whichever stream: the simulator is one."""


class Stream:
    """Work in its order; counts how often the process waits for it."""

    def __init__(self, non_blocking=True, late=False):
        self.late, self.waits, self.ran, self.queued = late, 0, 0, deque()
        self.into = self
        """Where work goes: elsewhere while a graph runs what was recorded on this stream."""

    def queue(self, work):
        with ONE_AT_A_TIME:  # another thread's work is none of a graph's
            stream = self.into
            stream.queued.append(work)
            if not stream.late:
                stream.run()

    def run(self, end=inf):
        """All, or as much as makes so many pieces of work since the beginning."""
        with ONE_AT_A_TIME:
            while self.queued and self.ran < end:
                self.ran += 1
                self.queued.popleft()()

    def synchronize(self):
        self.waits += 1
        self.run()

    def wait_event(self, event):
        self.queue(event.reached)


class Event:
    """A place in a stream; nobody waits for one that is not recorded."""

    def __init__(self, disable_timing):
        assert disable_timing  # it takes time
        self.reached = lambda: None

    def record(self, stream):
        self.reached = partial(stream.run, stream.ran + len(stream.queued))

    def synchronize(self):
        self.reached()


class CuPy(ModuleType):
    """The module: NumPy's functions of the device's arrays."""

    ndarray = Array

    def __init__(self):
        super().__init__("cupy")
        self.to_host, self.to_device = [], []
        self.stream, self._of_thread = Stream(), threading.local()
        runtime = SimpleNamespace(memGetInfo=lambda: (2**40, 2**40))
        self.cuda = SimpleNamespace(
            Device=Device,
            Event=Event,
            Stream=Stream,
            get_current_stream=lambda: self.current,
            runtime=runtime,
        )
        self.pool = SimpleNamespace(free_bytes=lambda: 0, used_bytes=lambda: 0, get_limit=lambda: 0)

    @property
    def current(self):
        return getattr(self._of_thread, "current", self.stream)

    @current.setter
    def current(self, stream):
        self._of_thread.current = stream

    def get_default_memory_pool(self):
        return self.pool

    def asarray(self, values, dtype=None):
        if isinstance(values, Array):
            return values if dtype is None else values.astype(dtype, copy=False)
        values = np.array(values, dtype=dtype)
        if values.dtype.kind not in "biufc":
            raise ValueError(f"Unsupported dtype {values.dtype}")
        self.to_device.append(values.shape)
        return Array(values)

    def from_dlpack(self, foreign):
        return Array(foreign.__dlpack__())

    def zeros(self, shape, dtype):
        return Array(np.zeros(shape, dtype))

    def __getattr__(self, name):
        return called(getattr(np, name))


cupy = CuPy()


class FakeGpu(StandIn):
    """A stand-in for a GPU whose arrays are the device's."""

    cupy = cupy

    def __init__(self, late=False):
        super().__init__()
        self.stream, self._outer = Stream(late=late), []

    def __enter__(self):
        self._outer.append(cupy.current)
        cupy.current = self.stream
        return self

    def __exit__(self, *error):
        cupy.current = self._outer.pop()

    def address(self, array):
        return super().address(array.values)

    def zeros(self, size, dtype):
        zeros = Array(super().zeros(size, dtype))
        self.stream.queue(partial(zeros.values.fill, 0))
        return zeros

    def pinned(self, shape, dtype):
        return np.zeros(shape, dtype).view(Pinned)

    def empty(self, size, dtype):
        return Array(super().empty(size, dtype))

    def full(self, size, value, dtype):
        return Array(super().full(size, value, dtype))

    def launch(self, kernel, grid, block, arguments):
        bared = {name: bare(argument) for name, argument in arguments.items()}
        return self._queued(super().launch(kernel, grid, block, bared))

    def product(self, A, B, C, rounding):
        return self._queued(super().product(bare(A), bare(B), bare(C), rounding))

    def capture(self, launches, beside=()):
        """A graph runs where it is launched, and not in the streams that it was recorded on."""
        streams, inner = [self.stream, *(other.stream for other, _ in beside)], Stream()
        graph = super().capture(launches, beside).run

        def run():
            for stream in streams:
                stream.into = inner  # what is launched
            try:
                graph()
            finally:
                for stream in streams:
                    stream.into = stream

        return Launch("graph", partial(self.stream.queue, run), ())

    def follow(self, other):
        event = Event(disable_timing=True)
        event.record(other.stream)
        self.stream.wait_event(event)

    def _queued(self, launch):
        return Launch(launch.name, lambda: self.stream.queue(launch.run), launch.keep)
