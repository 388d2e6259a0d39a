"""What the tests of the backends share: a machine made up of a driver and packages."""

import ctypes
import importlib
import sys
from importlib.metadata import PackageNotFoundError

import pytest

from gpubackprop.backends.cuda import detection

from .fakes import CUPY

LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
PACKAGES = ("cupy", "numba_cuda")


class Machine:
    """To be equipped: at first it has the system's driver, if any, and no GPU package."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.patch, self.distributions = folder, monkeypatch, {}
        monkeypatch.setattr(detection, "version", self.version)
        monkeypatch.setattr(detection, "_initialised_by", None)
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        monkeypatch.syspath_prepend(folder)
        self.forget()
        for package in PACKAGES:
            sys.modules[package] = None  # not to be found, even where it is installed

    def forget(self):
        detection._driver.cache_clear()
        detection._status.cache_clear()

    def version(self, name):
        if name not in self.distributions:
            raise PackageNotFoundError(name)
        return self.distributions[name]

    def driver(self, library):
        real = ctypes.CDLL

        def load(name, *args, **kwargs):
            return library if name == LIBRARY else real(name, *args, **kwargs)

        self.patch.setattr(ctypes, "CDLL", load)
        return library

    def package(self, name, source=""):
        (self.folder / f"{name}.py").write_text(source)
        sys.modules.pop(name, None)
        importlib.invalidate_caches()

    def packages(self, cupy=CUPY):
        self.package("cupy", cupy)
        self.package("numba_cuda")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    ours = {m: sys.modules.pop(m) for m in list(sys.modules) if m.split(".")[0] in PACKAGES}
    made = Machine(tmp_path, monkeypatch)
    yield made
    made.forget()
    for package in PACKAGES:
        sys.modules.pop(package, None)
    sys.modules.update(ours)
