"""How the primitives are executed, and which way is taken."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..kernels.cuda.device import Rounding
from ..kernels.native import requirements
from .backend import Backend
from .cuda import detection
from .device_names import gpus, require_known_device

__all__ = [
    "GPU_ERRORS",
    "NAMES",
    "PRECISIONS",
    "Backend",
    "Choice",
    "Work",
    "begun",
    "dtype_of",
    "gpu_for",
    "require_known",
    "require_usable",
    "select",
]

NAMES = ("auto", "compiled", "reference")
"""Values of `backend`."""
_DTYPES = {"float64": "float64", "float32": "float32", "tf32": "float32", "bf16": "float32"}
PRECISIONS = ("auto", *_DTYPES)
"""Values of `precision`."""

_ROUNDINGS = {"tf32": Rounding.TF32, "bf16": Rounding.BF16}

MIN_GPU_STEP_MACS = 20_000_000
"""Multiply-adds of a mini-batch: some 0.2 ms of two CPU cores, several times a GPU's launches."""
MIN_GPU_FIT_MACS = 200_000_000_000
"""Multiply-adds of a whole fit: some 2 s of two cores, what it takes to start CUDA."""

GPU_ERRORS = (MemoryError, RuntimeError, OSError)
"""Errors that a GPU may fail with: no memory, CUDA's own errors, a missing library."""

_log = logging.getLogger("gpubackprop")
Made = TypeVar("Made")


class Work(NamedTuple):
    """Amount of computing."""

    multiply_adds: int
    """Of one mini-batch."""
    batches: int
    """At the most."""


class Choice(NamedTuple):
    """What decides which backend does some work."""

    backend: str
    device: str
    precision: str
    """These three as for `select`."""
    work: Work


@contextmanager
def begun(choice: Choice, make: Callable[[Backend], Made]) -> Iterator[Made]:
    """Within a `with`, hold the chosen backend's session, and what `make` made for the backend.

    "auto" takes the GPU from 20 million multiply-adds a mini-batch and 200 thousand million in all
    on, where one works; if the GPU cannot begin after all, the CPU takes over and the log says
    why. Both thresholds are estimates from launch and start-up costs; they were not measured on a
    GPU yet.
    """
    with ExitStack() as sessions:
        yield _made(choice, make, sessions)


def _made(choice: Choice, make: Callable[[Backend], Made], sessions: ExitStack) -> Made:
    backend, device, precision, work = choice
    if device == "auto" and backend == "auto" and _gpu_is_worth_it(work):
        try:
            with ExitStack() as own:
                made = _on(_gpu(0, _ROUNDINGS.get(precision, Rounding.NONE)), make, own)
                sessions.push(own.pop_all())
            return made
        except GPU_ERRORS as reason:
            words = str(reason)  # the exception would keep what was allocated
            _log.warning("device 'auto': the GPU gives up and the CPU takes over: %s", words)
    return _on(select(backend, device, precision), make, sessions)


def _on(chosen: Backend, make: Callable[[Backend], Made], sessions: ExitStack) -> Made:
    sessions.enter_context(chosen.session())
    return make(chosen)


def select(backend: str, device: str, precision: str = "auto") -> Backend:
    """Choose a backend; "auto" is the CPU, and machine code on it.

    ValueError if a name is unknown, or two of them contradict each other. RuntimeError if a GPU
    cannot be used, ImportError if machine code is to be made and cannot: both say what is missing
    and the cure.

    Examples
    --------
    >>> from gpubackprop.backends import select
    >>> select("auto", "cpu").name
    'compiled'
    """
    require_known(backend, device, precision)
    rounding = _ROUNDINGS.get(precision, Rounding.NONE)
    numbers = gpus(device)
    if len(numbers) > 1:
        raise ValueError(f"device must be one GPU, such as 'cuda:{numbers[0]}', got {device!r}")
    if numbers:
        return _gpu(numbers[0], rounding)
    if rounding is not Rounding.NONE:
        _log.info("precision %r: float32, as the CPU has no other", precision)
    if backend == "reference":
        from . import reference

        return reference.backend
    with requirements.importing():
        from . import compiled

    if backend == "auto":
        _log.debug("backend 'auto': compiled, the fastest on the CPU")
    return compiled.backend


def gpu_for(device: str, precision: str, work: Work) -> Backend | None:
    """Choose a GPU, of several the first, for work that the CPU can take over: a prediction.

    None where the CPU is to compute; the log says why.
    """
    rounding = _ROUNDINGS.get(precision, Rounding.NONE)
    if device == "cpu" or (device == "auto" and not _gpu_is_worth_it(work)):
        return None
    try:
        return _gpu((*gpus(device), 0)[0], rounding)
    except GPU_ERRORS as reason:
        _log.info("the CPU takes over: %s", reason)
        return None


def dtype_of(precision: str) -> np.dtype[Any] | None:
    """Type that a precision computes in, or None where the data decide."""
    return np.dtype(_DTYPES[precision]) if precision in _DTYPES else None


def require_known(backend: str, device: str, precision: str) -> None:
    """Raise ValueError if a name is unknown, or two of them contradict each other."""
    if backend not in NAMES:
        raise ValueError(f"backend must be one of {', '.join(NAMES)}, got {backend!r}")
    require_known_device(device)
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    if device.startswith("cuda") and backend != "auto":
        raise ValueError(
            f"backend={backend!r} computes on the CPU; with device={device!r} leave backend='auto'"
        )


def require_usable(backend: str, device: str, precision: str) -> None:
    """Raise what `select` raises, for several GPUs if one of them cannot be used."""
    require_known(backend, device, precision)
    numbers = gpus(device)
    if len(numbers) < 2:
        select(backend, device, precision)
        return
    for usable, reason in map(detection.status, numbers):
        if not usable:
            raise RuntimeError(f"device={device!r}: {reason}")


def _gpu(index: int, rounding: Rounding) -> Backend:
    detection.require(index)
    from .cuda import backend as cuda

    return cuda.backend(index, rounding)


def _gpu_is_worth_it(work: Work) -> bool:
    """Whether "auto" takes the GPU; says in the log what it chose and why."""
    if work.multiply_adds < MIN_GPU_STEP_MACS:
        reason = "a mini-batch is too small to gain from a GPU"
    elif work.multiply_adds * work.batches < MIN_GPU_FIT_MACS:
        reason = "the whole of the work takes no longer than starting CUDA"
    else:
        usable, reason = detection.status(0)
        if usable:
            _log.debug("device 'auto': the GPU, %s", reason)
            return True
    _log.debug("device 'auto': the CPU, as %s", reason)
    return False
