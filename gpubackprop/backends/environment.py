"""What this machine offers and what will be used of it."""

import os
import platform
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import threadpoolctl

from .._version import __version__
from ..kernels.blas_library import VARIABLE, library
from ..kernels.native import shipped, store
from ..kernels.native.targets import own_target
from .cuda import detection

Facts = Mapping[str, "str | int | Facts"]


def describe() -> Facts:
    """Say which versions, devices, backends, BLAS and threads will be used, in groups.

    Examples
    --------
    >>> from gpubackprop.backends.environment import describe
    >>> sorted(describe())
    ['BLAS', 'backends', 'compiled code', 'devices', 'versions']
    """
    return {
        "versions": _versions(),
        "devices": {"cpu": f"{processor()}, {os.cpu_count()} cores"} | _gpus(),
        "backends": {
            "compiled": "Numba loops and BLAS; backend='auto' takes it",
            "reference": "NumPy; taken when asked for by name",
            "cuda": "cuBLAS and Numba-CUDA; device='cuda' takes it, 'auto' where it pays",
            "scikit-learn": "its own code predicts sparse X, and trains on it with lbfgs",
        },
        "BLAS": blas(),
        "compiled code": _machine_code(),
    }


def _versions() -> Facts:
    packages = ("scikit-learn", "numpy", "scipy", "numba")
    versions = {"gpubackprop": __version__, "python": platform.python_version()}
    versions |= {package: version(package) for package in packages}
    return versions | detection.installed((*detection.CUPY, "numba-cuda"))


def processor() -> str:
    """Name of the CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _gpus() -> dict[str, str]:
    """Describe each GPU, or say once why none can be used."""
    statuses = [detection.status(device) for device in range(detection.device_count())]
    if not any(status.usable for status in statuses):
        return {"cuda": detection.status().reason}
    return {
        f"cuda:{device}": _gpu(device) if status.usable else status.reason
        for device, status in enumerate(statuses)
    }


def _gpu(device: int) -> str:
    facts = import_module("cupy").cuda.runtime.getDeviceProperties(device)
    capability = f"{facts['major']}.{facts['minor']}"
    memory = f"{facts['totalGlobalMem'] / 2**30:.1f} GiB"
    return f"{facts['name'].decode()}, {memory}, compute capability {capability}"


def _machine_code() -> Facts:
    """Say whether the CPU's kernels came with the package, and where compiled ones are kept."""
    origin = "came with the package" if shipped.is_used() else "compiled here when first needed"
    return {
        "kernels": f"{origin}, for {own_target().cpu}",
        "directory": str(store.directory()),
        "compiled here": store.count(),
    }


def blas() -> Facts:
    """Describe the library that does the compiled backend's matrix products."""
    try:
        named = library().file
    except (ValueError, RuntimeError) as reason:
        return {"library": str(reason)}
    pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    if named is not None:
        pools = [
            pool for pool in pools if Path(pool["filepath"]).resolve() == Path(named).resolve()
        ]
    pools.sort(key=lambda pool: "scipy.libs" not in pool["filepath"])
    if not pools:
        return {"library": "unknown to threadpoolctl", **({"file": named} if named else {})}
    return {
        "library": f"{pools[0]['internal_api']} {pools[0]['version']}",
        "threads": pools[0]["num_threads"],
        "file": pools[0]["filepath"],
        "chosen by": f"{VARIABLE}={os.environ[VARIABLE]}" if named else "SciPy",
    }
