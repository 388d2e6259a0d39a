"""How the primitives are executed, and which way is taken."""

import logging
import re

from .backend import Backend

__all__ = ["NAMES", "Backend", "select"]

NAMES = ("auto", "compiled", "reference")
"""Values of `backend`."""
_DEVICES = re.compile(r"auto|cpu|cuda(:\d+)?")

_log = logging.getLogger("gpubackprop")


def select(backend: str, device: str) -> Backend:
    """Choose a backend.

    Parameters
    ----------
    backend : {"auto", "compiled", "reference"}
        "auto" is "compiled".
    device : str
        "auto", "cpu", "cuda" or "cuda:N".

    Returns
    -------
    backend : Backend

    Raises
    ------
    ValueError
        If a name is unknown.
    RuntimeError
        If a GPU is asked for: this version computes on the CPU only.

    Examples
    --------
    >>> from gpubackprop.backends import select
    >>> select("auto", "cpu").name
    'compiled'
    """
    if backend not in NAMES:
        raise ValueError(f"backend must be one of {', '.join(NAMES)}, got {backend!r}")
    if not isinstance(device, str) or not _DEVICES.fullmatch(device):
        raise ValueError(f"device must be 'auto', 'cpu', 'cuda' or 'cuda:N', got {device!r}")
    if device.startswith("cuda"):
        raise RuntimeError(
            f"device={device!r}: this version of gpubackprop has no CUDA backend; "
            "use device='cpu' or 'auto'"
        )
    if backend == "reference":
        from . import reference

        return reference.backend
    from . import compiled

    if device == "auto":
        _log.debug("device 'auto': the CPU, as this version has no CUDA backend")
    if backend == "auto":
        _log.debug("backend 'auto': compiled, the fastest on the CPU")
    return compiled.backend
