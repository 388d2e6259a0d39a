"""Whether an NVIDIA GPU can be used, and in words why not.

The driver is asked first, by ctypes alone: a fraction of a millisecond where it is missing. CuPy is
imported only where the driver shows a device. Only `require` raises.
"""

import ctypes
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, NamedTuple

LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
"""The driver's library, which comes with the driver and not with the toolkit."""
CUPY = {"cupy-cuda12x": 12, "cupy-cuda13x": 13, "cupy": 12}
"""Distributions of CuPy, and the lowest CUDA version that the driver must support for each."""

_NO_DEVICE = 100
_CURES = {
    3: "CUDA was initialised before this process was forked and cannot be used in it; start "
    "workers with the 'spawn' method or joblib's loky backend (the default), or set device='cpu'",
    34: f"{LIBRARY} is the toolkit's stub: take it out of the library path",
    304: "may this user open /dev/nvidia*?",
    802: "is nvidia-fabricmanager running?",
    803: "the driver was updated while it was loaded: reboot",
    804: "take the cuda-compat library, which is not for this GPU, out of the library path",
    999: "reboot, or reload the kernel module nvidia_uvm",
}
"""What to do about an error of the driver, by its number in cuda.h."""


class Status(NamedTuple):
    """Whether something can be used."""

    usable: bool
    reason: str
    """In words: what was found, or what is missing and the cure."""


_FORKED = Status(False, _CURES[3])
"""The status of everything in a process that was forked too late."""


class _Driver(NamedTuple):
    status: Status
    version: int = 0
    """The newest CUDA that it supports, as the driver writes it: 13020 is 13.2."""
    devices: int = 0


class _MissingError(Exception):
    """What is missing and the cure, in words."""


class _FullError(Exception):
    """What lacks memory, in words; it may pass, so it is not remembered."""


# the fork guard

_initialised_by: int | None = None


def mark_initialised() -> None:
    """Remember that this process has initialised CUDA: its forked children cannot use it."""
    global _initialised_by
    if _initialised_by is None:
        _initialised_by = os.getpid()


def _forked() -> bool:
    return _initialised_by not in (None, os.getpid())


# what is asked


def driver() -> Status:
    """Say whether the driver works and shows a device; remembered.

    No GPU package is imported. Where a driver works this initialises CUDA, after which forked
    children cannot use it; they are told so.
    """
    return _FORKED if _forked() else _driver().status


def device_count() -> int:
    """Count the devices that a working driver shows; 0 without one."""
    return 0 if _forked() else _driver().devices


def status(device: int = 0) -> Status:
    """Say whether a device can train; remembered, unless its memory was full.

    Its number is CUDA's, which counts those that `CUDA_VISIBLE_DEVICES` leaves visible.
    """
    if _forked():
        return _FORKED
    try:
        return _status(device)
    except _FullError as full:
        return Status(False, str(full))


def require(device: int) -> None:
    """Raise RuntimeError if a device cannot be used: it says what is missing and the cure."""
    usable, reason = status(device)
    if not usable:
        raise RuntimeError(f"device='cuda:{device}': {reason}")


def installed(distributions: Iterable[str]) -> dict[str, str]:
    """Versions of those distributions that are installed, none of them imported."""
    found = {}
    for name in distributions:
        with suppress(Exception):  # not installed, or half removed
            found[name] = version(name)
    return {name: number for name, number in found.items() if number}


# the driver


@cache
def _driver() -> _Driver:
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError as error:
        cure = "install NVIDIA's driver, or start the container with its GPUs"
        return _Driver(Status(False, f"no NVIDIA driver: {error}; {cure}"))
    try:
        supported = _supported_version(library)
        _call(library, "cuInit", 0)
        mark_initialised()
        devices = _visible_devices(library)
    except _MissingError as missing:
        return _Driver(Status(False, str(missing)))
    except Exception as error:  # a function is missing, or crashes in a way that can be caught
        return _Driver(Status(False, _broken(_words(error))))
    found = f"the NVIDIA driver supports CUDA {_dotted(supported)}; devices: {devices}"
    return _Driver(Status(True, found), supported, devices)


def _supported_version(library: Any) -> int:
    """Return the newest CUDA that the driver supports, where CuPy can live with it."""
    supported = _number(library, "cuDriverGetVersion")
    if not 1000 <= supported < 100_000:
        raise _MissingError(_broken(f"it gives {supported} as its version"))
    needed = min((CUPY[name] for name in installed(CUPY)), default=min(CUPY.values()))
    if supported < 1000 * needed:
        older = needed > 12 and supported >= 12_000
        raise _MissingError(
            f"the NVIDIA driver is too old: it supports CUDA {_dotted(supported)}, "
            f"CuPy for CUDA {needed} needs {needed}.0; update the driver"
            + (", or install 'gpubackprop[cuda12]' in a new environment" if older else "")
        )
    return supported


def _visible_devices(library: Any) -> int:
    devices = _number(library, "cuDeviceGetCount")
    if not 0 <= devices < 10_000:
        raise _MissingError(_broken(f"it counts {devices} devices"))
    if not devices:
        raise _MissingError(_no_device())
    return devices


def _number(library: Any, function: str) -> int:
    """Return what a function of the driver writes to where its argument points."""
    answer = ctypes.c_int(-1)
    _call(library, function, ctypes.byref(answer))
    return answer.value


def _call(library: Any, function: str, argument: Any) -> None:
    code = getattr(library, function)(argument)
    if code == _NO_DEVICE:
        raise _MissingError(_no_device())
    if code != 0:
        cure = _CURES.get(code, "does nvidia-smi work?")
        name = _error_name(library, code)
        raise _MissingError(f"{function} failed with {code} ({name}): {cure}")


def _error_name(library: Any, code: int) -> str:
    name = ctypes.c_char_p()
    with suppress(AttributeError):  # it is not in every stub
        library.cuGetErrorName(code, ctypes.byref(name))
    return (name.value or b"an unknown error").decode("ascii", "replace")


def _dotted(supported: int) -> str:
    return f"{supported // 1000}.{supported % 1000 // 10}"


def _broken(evidence: str) -> str:
    return f"the NVIDIA driver is broken: {evidence}; install it anew"


def _no_device() -> str:
    return f"the NVIDIA driver shows no device; {_why_hidden()}"


def _why_hidden() -> str:
    """Say why a device that is in the machine may not be seen."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return "does nvidia-smi list one?"
    return f"CUDA_VISIBLE_DEVICES is {chosen!r}, which may hide it: unset it"


# the packages


@cache
def _status(device: int) -> Status:
    try:
        _require_visible(device)
        _require_right_answer(_cupy(), device)
        if not _is_there("numba_cuda"):
            raise _MissingError(f"numba-cuda is not installed: {_install()}")
    except _MissingError as missing:
        return Status(False, str(missing))
    return Status(True, f"device {device} works")


def _require_visible(device: int) -> None:
    usable, reason = driver()
    if not usable:
        raise _MissingError(reason)
    devices = device_count()
    if not 0 <= device < devices:
        raise _MissingError(
            f"there is no device {device}, only 0 to {devices - 1}; {_why_hidden()}"
        )


def _cupy() -> Any:
    if not _is_there("cupy"):
        raise _MissingError(f"CuPy is not installed: {_install()}")
    try:
        return import_module("cupy")
    except Exception as error:
        raise _MissingError(f"CuPy does not import: {_words(error)}; {_install()}") from error


def _require_right_answer(cupy: Any, device: int) -> None:
    """Allocate, compile and multiply: what needs the runtime, NVRTC and cuBLAS."""
    try:
        with cupy.cuda.Device(device):
            matrix = cupy.arange(4, dtype="float32").reshape(2, 2)
            answer = (matrix @ matrix).tolist()
    except Exception as error:
        words = _words(error)
        if _tells_of_full_memory(error):
            cure = "end what fills it (nvidia-smi lists it), or take another device"
            raise _FullError(f"device {device} is out of memory: {words}; {cure}") from error
        raise _MissingError(
            f"CuPy does not work on device {device}: {words}; {_install()}"
        ) from error
    if answer != [[2, 3], [6, 11]]:
        raise _MissingError(f"CuPy computes wrongly on device {device}: {answer}; {_install()}")


def _tells_of_full_memory(error: Exception) -> bool:
    told = str(error)
    return isinstance(error, MemoryError) or "out of memory" in told or "ALLOC_FAILED" in told


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except Exception:  # imported already, in an unusual way
        return True


def _install() -> str:
    """Return the command that installs what is missing beside what is installed."""
    majors = {CUPY[name] for name in installed(CUPY) if name != "cupy"}
    major = min(majors or {13 if _driver().version >= 13_000 else 12})
    return f"pip install 'gpubackprop[cuda{major}]'"


def _words(error: BaseException) -> str:
    """Say in one line what went wrong first: CuPy wraps it into a poster."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines() or ["it does not say why"]
    return f"{type(error).__name__}: {lines[0]}"
