"""Arrays on a GPU, of CuPy or of any library that speaks DLPack.

CuPy is imported where such an array is met, and not before.
"""

from importlib import import_module
from typing import Any

import numpy as np

from ...algorithm.memory import Array
from ..device_names import gpus
from . import detection

_CUDA = (2, 13)
"""DLPack's kinds of memory on a GPU: plain and managed."""


def on_gpu(array: Any) -> bool:
    """Say whether an array, or any other object, is on a GPU.

    TypeError if it is one of CuPy's sparse matrices, which no backend computes with.

    Examples
    --------
    >>> import numpy as np
    >>> from gpubackprop.backends.cuda.device_arrays import on_gpu
    >>> on_gpu(np.ones(3)), on_gpu([1, 2, 3])
    (False, False)
    """
    if array is None or isinstance(array, np.ndarray):
        return False
    kind = type(array)  # asked first: a data frame takes long to say that it lacks an attribute
    if kind.__module__.startswith("cupyx.scipy.sparse"):
        raise TypeError("a sparse matrix on a GPU is not supported; X.get() brings it to the CPU")
    if hasattr(kind, "__dlpack_device__"):  # a tensor that requires a gradient refuses the other
        return bool(array.__dlpack_device__()[0] in _CUDA)
    interface = "__cuda_array_interface__"
    return hasattr(kind, interface) and hasattr(array, interface)


def adopt(array: Any) -> Any:
    """Make an array for which `on_gpu` is true one of CuPy's, in the same memory.

    RuntimeError if CuPy is not installed or does not work; it says what is missing and the cure.
    """
    usable, reason = detection.status(_index(array))
    if not usable:
        raise RuntimeError(f"an array on a GPU was given, and none can be used: {reason}")
    cupy = import_module("cupy")
    if isinstance(array, cupy.ndarray):
        return array
    return cupy.from_dlpack(array) if hasattr(array, "__dlpack__") else cupy.asarray(array)


def _index(array: Any) -> int:
    """Number of an array's GPU; 0 where the array does not tell."""
    return int(array.__dlpack_device__()[1]) if hasattr(array, "__dlpack_device__") else 0


def namespace(array: Any) -> Any:
    """Return the module whose functions take this array: CuPy or NumPy."""
    return np if isinstance(array, np.ndarray) else import_module("cupy")


def beside(values: Array, array: Any) -> Any:
    """Make a NumPy array's values available on another array's device."""
    return namespace(array).asarray(values)


def on_host(array: Any) -> Any:
    """Copy an array on a GPU to the host; return anything else, None included, itself."""
    return adopt(array).get() if on_gpu(array) else array


def device_for(device: str, X: Any) -> str:
    """Find the device to compute on: "cuda:N" if X is on that GPU, else `device`.

    ValueError if another device was asked for by name.

    Examples
    --------
    >>> import numpy as np
    >>> from gpubackprop.backends.cuda.device_arrays import device_for
    >>> device_for("auto", np.ones((3, 2)))
    'auto'
    """
    if not on_gpu(X):
        return device
    own = f"cuda:{X.device.id}"
    if device not in ("auto", "cuda") and X.device.id not in gpus(device):
        raise ValueError(
            f"device={device!r}, but X is on {own!r}: set device={own!r} or 'auto', or give X.get()"
        )
    return own


def take(array: Any, rows: Array) -> Any:
    """Take rows of an array, on its own device, by their numbers on the host."""
    return array[beside(rows, array)]
