"""What is said about this machine."""

from gpubackprop.backends import environment
from gpubackprop.kernels.native import shipped
from gpubackprop.kernels.native.targets import own_target

from .fakes import CUPY, Library


def gpus():
    return {k: v for k, v in environment.describe()["devices"].items() if k.startswith("cuda")}


def test_why_there_is_no_gpu(machine):
    machine.driver(Library(devices=0))
    (reason,) = gpus().values()
    assert "shows no device" in reason


def test_what_all_devices_lack_is_said_once(machine):
    machine.driver(Library(devices=8))
    assert list(gpus()) == ["cuda"]
    assert "CuPy is not installed" in gpus()["cuda"]


def test_devices_that_work(machine):
    machine.driver(Library())
    machine.packages()
    assert gpus() == {
        "cuda:0": "NVIDIA H100, 16.0 GiB, compute capability 9.0",
        "cuda:1": "NVIDIA A2, 16.0 GiB, compute capability 8.6",
    }


def test_one_of_two_devices_is_full(machine):
    full = """
def arange(*args, **kwargs):
    if devices[-1] == 0:
        raise MemoryError
    return numpy.arange(*args, **kwargs)
"""
    machine.driver(Library())
    machine.packages(CUPY + full)
    assert "out of memory" in gpus()["cuda:0"]
    assert "NVIDIA A2" in gpus()["cuda:1"]


def test_where_machine_code_comes_from_is_told(monkeypatch):
    for is_used, origin in ((True, "came with the package"), (False, "compiled here")):
        monkeypatch.setattr(shipped, "is_used", lambda used=is_used: used)
        told = environment.describe()["compiled code"]["kernels"]
        assert told.startswith(origin)
        assert told.endswith(f"for {own_target().cpu}")


def test_versions_of_gpu_packages_where_installed(machine):
    before = environment.describe()["versions"]
    assert not {"cupy", "cupy-cuda13x", "numba-cuda"} & set(before)
    machine.distributions = {"cupy-cuda13x": "14.2.0", "numba-cuda": "0.30.4"}
    assert environment.describe()["versions"] == {**before, **machine.distributions}
