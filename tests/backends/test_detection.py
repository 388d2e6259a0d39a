"""Each way in which a GPU cannot be used is said in words and raises nothing."""

import os
import subprocess
import sys
import warnings
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from gpubackprop.backends.cuda import detection
from gpubackprop.backends.cuda.detection import Status

from .fakes import CUPY, Library


def refused(status, *words):
    """Whether it is not usable and says all of that, in one line."""
    assert isinstance(status, Status)
    assert not status.usable
    assert [word for word in words if word not in status.reason] == []
    assert "\n" not in status.reason
    return True


# the driver's library


def test_no_driver(machine, monkeypatch):
    monkeypatch.setattr(detection, "LIBRARY", "libnothing.so.7")
    assert refused(detection.driver(), "no NVIDIA driver", "libnothing.so.7", "install")
    assert refused(detection.status(), "no NVIDIA driver")
    assert detection.device_count() == 0


def test_the_library_is_a_text(machine, monkeypatch, tmp_path):
    text = tmp_path / "libcuda.so.1"
    text.write_text("not a library")
    monkeypatch.setattr(detection, "LIBRARY", str(text))
    assert refused(detection.driver(), "no NVIDIA driver", str(text))


def test_the_library_is_another(machine, monkeypatch):
    monkeypatch.setattr(detection, "LIBRARY", np._core._multiarray_umath.__file__)
    assert refused(detection.driver(), "broken", "cuDriverGetVersion", "install it anew")


# its version


@pytest.mark.parametrize(
    ("distributions", "version", "words"),
    [
        ([], 11040, ["CUDA 11.4", "needs 12.0", "update"]),
        (["cupy"], 11080, ["CUDA 11.8", "needs 12.0"]),
        (["cupy-cuda12x"], 11080, ["CUDA 11.8", "CuPy for CUDA 12"]),
        (["cupy-cuda13x"], 12090, ["CUDA 12.9", "needs 13.0", "or install 'gpubackprop[cuda12]'"]),
    ],
)
def test_a_driver_that_is_too_old(machine, distributions, version, words):
    machine.distributions = dict.fromkeys(distributions, "14.0")
    library = machine.driver(Library(version=version))
    assert refused(detection.driver(), "too old", *words)
    assert "cuInit" not in library.called


def test_a_driver_too_old_for_any(machine):
    machine.distributions = {"cupy-cuda13x": "14.0"}
    machine.driver(Library(version=11080))
    assert refused(detection.driver(), "too old", "needs 13.0")
    assert "cuda12" not in detection.driver().reason


@pytest.mark.parametrize(
    ("distributions", "version"),
    [([], 12000), (["cupy-cuda12x"], 12000), (["cupy-cuda12x"], 13020), (["cupy-cuda13x"], 13000)],
)
def test_a_driver_that_is_new_enough(machine, distributions, version):
    machine.distributions = dict.fromkeys(distributions, "14.0")
    machine.driver(Library(version=version, devices=3))
    assert detection.driver().usable
    assert f"CUDA {version // 1000}.{version % 1000 // 10}" in detection.driver().reason
    assert detection.device_count() == 3


# its refusals


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (3, ["CUDA_ERROR_NOT_INITIALIZED", "before this process was forked", "spawn"]),
        (34, ["CUDA_ERROR_STUB_LIBRARY", "toolkit's stub"]),
        (803, ["CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "reboot"]),
        (999, ["CUDA_ERROR_UNKNOWN", "nvidia_uvm"]),
        (4711, ["an unknown error", "nvidia-smi"]),
    ],
)
@pytest.mark.parametrize("function", ["cuInit", "cuDriverGetVersion", "cuDeviceGetCount"])
def test_a_function_that_fails(machine, function, code, words):
    machine.driver(Library(fails={function: code}))
    assert refused(detection.driver(), f"{function} failed with {code} ", *words)


@pytest.mark.parametrize("settings", [{"fails": {"cuInit": 100}}, {"devices": 0}])
def test_no_device(machine, settings, monkeypatch):
    machine.driver(Library(**settings))
    assert refused(detection.driver(), "shows no device", "nvidia-smi")
    assert "CUDA_VISIBLE_DEVICES" not in detection.driver().reason
    machine.forget()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert refused(detection.driver(), "shows no device", "CUDA_VISIBLE_DEVICES is ''", "unset")


# its lies


@pytest.mark.parametrize("version", [-13000, 0, 13, 2**31 - 1, None])
def test_a_version_that_is_nonsense(machine, version):
    library = machine.driver(Library(version=version))
    assert refused(detection.driver(), "broken", "version", "install it anew")
    assert "cuInit" not in library.called


@pytest.mark.parametrize("devices", [-1, 2**31 - 1, None])
def test_a_number_of_devices_that_is_nonsense(machine, devices):
    machine.driver(Library(devices=devices))
    assert refused(detection.driver(), "broken", "devices", "install it anew")
    assert detection.device_count() == 0


@pytest.mark.parametrize("function", ["cuInit", "cuDriverGetVersion", "cuDeviceGetCount"])
def test_a_function_that_is_missing_or_crashes(machine, function):
    machine.driver(Library(missing=[function]))
    assert refused(detection.driver(), "broken", f"undefined symbol: {function}")
    machine.forget()
    machine.driver(Library(crashes=[function]))
    assert refused(detection.driver(), "broken", "access violation")


def test_an_error_that_has_no_name(machine):
    machine.driver(Library(fails={"cuInit": 999}, missing=["cuGetErrorName"]))
    assert refused(detection.driver(), "999", "an unknown error")


# what it costs


@pytest.mark.parametrize("settings", [{}, {"fails": {"cuInit": 999}}])
def test_the_driver_is_asked_once(machine, settings):
    library = machine.driver(Library(**settings))
    for _ in range(3):
        detection.driver()
        detection.status()
        detection.status(1)
    assert library.called.count("cuInit") == 1


def test_asking_the_driver_imports_no_gpu_package(tmp_path):
    """In a process of its own, in which each of them can be found."""
    names = ("cupy", "numba", "numba_cuda", "nvmath", "cuda")
    for name in names:
        (tmp_path / f"{name}.py").write_text("")
    code = f"""
import ctypes, sys
from fakes import Library
ctypes.CDLL = lambda name: Library()
from gpubackprop.backends.cuda import detection
assert detection.driver().usable
assert detection.device_count() == 2
print(*set({names}) & set(sys.modules))
"""
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parent)])
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == []


# what is installed


def test_a_package_that_is_half_removed(monkeypatch, tmp_path):
    for name in ("whole", "torn"):
        (tmp_path / f"gpubackprop_{name}-1.2.dist-info").mkdir()
    (tmp_path / "gpubackprop_whole-1.2.dist-info" / "METADATA").write_text("Version: 1.2\n")
    monkeypatch.syspath_prepend(tmp_path)
    names = ["gpubackprop-whole", "gpubackprop-torn", "gpubackprop-absent"]
    assert detection.installed(names) == {"gpubackprop-whole": "1.2"}


# a device


def test_a_device_that_works(machine):
    machine.driver(Library())
    machine.packages()
    assert detection.status(1) == Status(True, "device 1 works")
    assert sys.modules["cupy"].devices == [1]
    detection.require(1)
    assert sys.modules["cupy"].devices == [1]  # it was remembered


@pytest.mark.parametrize("device", [-1, 2])
def test_a_device_that_is_not_there(machine, device, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")
    machine.driver(Library())
    machine.packages()
    assert refused(detection.status(device), f"no device {device}", "0 to 1", "'4,5'")
    assert detection.status(0).usable


# CuPy


@pytest.mark.parametrize(
    ("distributions", "version", "extra"),
    [
        ([], 13000, "cuda13"),
        ([], 12040, "cuda12"),
        (["cupy"], 13000, "cuda13"),
        (["cupy-cuda12x"], 13000, "cuda12"),
        (["cupy-cuda13x"], 13000, "cuda13"),
    ],
)
@pytest.mark.parametrize(("package", "name"), [("cupy", "CuPy"), ("numba_cuda", "numba-cuda")])
def test_a_package_that_is_not_installed(machine, package, name, distributions, version, extra):
    machine.distributions = dict.fromkeys(distributions, "14.0")
    machine.driver(Library(version=version))
    machine.packages()
    sys.modules[package] = None
    words = f"{name} is not installed: pip install 'gpubackprop[{extra}]'"
    assert detection.status() == Status(False, words)


def test_numba_cuda_is_found_without_its_import(machine):
    machine.driver(Library())
    machine.packages()
    machine.package("numba_cuda", "raise KeyboardInterrupt")
    assert detection.status().usable


@pytest.mark.parametrize("error", ["ImportError", "OSError", "AttributeError", "SystemError"])
def test_a_cupy_that_does_not_import(machine, error):
    machine.driver(Library())
    machine.packages(f"raise {error}('libcudart.so.13 is torn')")
    words = f"{error}: libcudart.so.13 is torn"
    assert refused(detection.status(), "CuPy does not import", words, "pip install")


def test_a_cupy_that_is_only_a_name(machine):
    """Without a spec, so that it cannot be looked for in the usual way."""
    machine.driver(Library())
    sys.modules["cupy"] = ModuleType("cupy")  # by monkeypatch, the machine's None would come back
    assert refused(detection.status(), "CuPy does not work", "AttributeError")


POSTER = """
try:
    raise OSError("libcublas.so.13 is not there")
except OSError as error:
    raise ImportError("\\n=====\\nFailed to import CuPy.\\n=====") from error
"""


def test_a_poster_is_reduced_to_its_cause(machine):
    machine.driver(Library())
    machine.packages(POSTER)
    assert refused(detection.status(), "OSError: libcublas.so.13 is not there")
    assert "=" not in detection.status().reason


def test_an_interrupt_goes_through_and_is_not_remembered(machine):
    machine.driver(Library())
    machine.packages("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        detection.status()
    machine.packages()
    assert detection.status().usable


@pytest.mark.parametrize(
    ("breaks", "words"),
    [
        ("del arange", ["does not work", "AttributeError", "arange"]),
        ("del cuda", ["does not work", "AttributeError", "cuda"]),
        ("arange = lambda *a, **k: 1 / 0", ["does not work", "ZeroDivisionError"]),
        ("arange = lambda *a, **k: numpy.ones(4)", ["wrongly", "[[2.0, 2.0], [2.0, 2.0]]"]),
        ("import no_such_library", ["does not import", "no_such_library"]),
        ("def arange(*a, **k): raise RuntimeError", ["RuntimeError: it does not say why"]),
    ],
)
def test_a_cupy_that_does_not_work(machine, breaks, words):
    machine.driver(Library())
    machine.packages(CUPY + breaks)
    assert refused(detection.status(), "CuPy", "pip install", *words)


@pytest.mark.parametrize(
    "error",
    [
        "MemoryError('Out of memory allocating 512 bytes')",
        "RuntimeError('cudaErrorMemoryAllocation: out of memory')",
        "RuntimeError('CUBLAS_STATUS_ALLOC_FAILED')",
    ],
)
def test_full_memory_is_said_and_not_remembered(machine, error):
    machine.driver(Library())
    machine.packages(CUPY + f"def arange(*a, **k): raise {error}")
    assert refused(detection.status(1), "device 1 is out of memory", "nvidia-smi")
    machine.packages()
    assert detection.status(1).usable


# a device asked for by name


def test_what_is_missing_is_raised(machine):
    machine.driver(Library())
    cure = r"^device='cuda:1': CuPy is not installed: pip install 'gpubackprop\[cuda13\]'$"
    with pytest.raises(RuntimeError, match=cure):
        detection.require(1)


# the fork guard


def in_a_child(question):
    """What a function returns in a forked child, as text."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of any fork
        child = os.fork()
    if child == 0:
        try:
            os.write(write, str(question()).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as answer:
        return answer.read()


def required():
    try:
        detection.require(0)
    except RuntimeError as error:
        return str(error)
    return "nothing"


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
CURE = (
    "CUDA was initialised before this process was forked and cannot be used in it; start workers "
    "with the 'spawn' method or joblib's loky backend (the default), or set device='cpu'"
)


@forks
def test_asking_the_driver_is_told_to_children(machine):
    machine.driver(Library())
    machine.packages()
    assert detection.driver().usable
    assert detection.status().usable
    refusal = str(Status(False, CURE))
    assert in_a_child(detection.driver) == refusal
    assert in_a_child(detection.status) == refusal
    assert in_a_child(lambda: detection.status(1)) == refusal
    assert in_a_child(required) == f"device='cuda:0': {CURE}"
    assert in_a_child(detection.device_count) == "0"
    assert detection.status().usable


@forks
def test_cuda_initialised_by_others_is_told_to_children(machine):
    library = machine.driver(Library())
    machine.packages()
    detection.mark_initialised()
    assert in_a_child(lambda: (detection.status(), library.called)) == str(
        (Status(False, CURE), [])
    )
    assert detection.status().usable


@forks
def test_a_child_cannot_unmark_itself(machine):
    machine.driver(Library())
    detection.mark_initialised()
    assert in_a_child(lambda: (detection.mark_initialised(), required())[1]).endswith(CURE)


@forks
@pytest.mark.parametrize("settings", [{"version": 11000}, {"fails": {"cuInit": 999}}])
def test_a_child_of_a_process_without_cuda_may_ask(machine, settings):
    machine.driver(Library(**settings))
    before = detection.driver()
    assert not before.usable
    assert in_a_child(detection.driver) == str(before)


@forks
def test_a_child_of_a_process_that_never_asked_may_use_it(machine):
    machine.driver(Library())
    machine.packages()
    assert in_a_child(required) == "nothing"
