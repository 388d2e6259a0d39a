"""Stand-ins for the driver's library and for CuPy, honest or not."""

CUPY = """
import contextlib
import types

import numpy
from numpy import arange

devices = []


@contextlib.contextmanager
def Device(device):
    devices.append(device)
    yield


def getDeviceProperties(device):
    name = [b"NVIDIA H100", b"NVIDIA A2"][device]
    return {"name": name, "totalGlobalMem": 2**34, "major": 9 - device, "minor": 6 * device}


runtime = types.SimpleNamespace(getDeviceProperties=getDeviceProperties)
cuda = types.SimpleNamespace(Device=Device, runtime=runtime)
"""
"""The source of a CuPy that works, with NumPy in the place of two GPUs."""


ERRORS = {
    3: b"CUDA_ERROR_NOT_INITIALIZED",
    34: b"CUDA_ERROR_STUB_LIBRARY",
    803: b"CUDA_ERROR_SYSTEM_DRIVER_MISMATCH",
    999: b"CUDA_ERROR_UNKNOWN",
}


class Library:
    """The driver's, as ctypes shows it; its functions may fail, lie, crash or be missing."""

    def __init__(self, version=13000, devices=2, fails=(), missing=(), crashes=()):
        self.numbers = {"cuDriverGetVersion": version, "cuDeviceGetCount": devices, "cuInit": None}
        self.fails, self.missing, self.crashes = dict(fails), missing, crashes
        self.called = []

    def __getattr__(self, function):
        if function in self.missing or function not in (*self.numbers, "cuGetErrorName"):
            raise AttributeError(f"libcuda.so.1: undefined symbol: {function}")
        return self.name if function == "cuGetErrorName" else lambda a: self.call(function, a)

    def call(self, function, argument):
        self.called.append(function)
        if function in self.crashes:
            raise OSError("exception: access violation reading 0x0000000000000000")
        if function == "cuInit":
            assert argument == 0
        elif self.numbers[function] is not None:
            argument._obj.value = self.numbers[function]
        return self.fails.get(function, 0)

    def name(self, code, pointer):
        pointer._obj.value = ERRORS.get(code)
        return 0
