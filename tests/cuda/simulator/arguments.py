"""Arguments of a launch, as they arrive in a kernel."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tests.cuda.simulator.history import History
from tests.cuda.simulator.memory import Memory, as_dtype


def as_on_device(
    kernel: Callable[..., None],
    arguments: Sequence[Any],
    signature: Sequence[Any] | None,
    history: History | None,
) -> list[Any]:
    code = kernel.__code__
    names = code.co_varnames[: code.co_argcount]
    types = [None] * len(arguments) if signature is None else signature
    if not len(names) == len(arguments) == len(types):
        raise TypeError(
            f"{kernel.__name__} takes {len(names)} arguments: {len(arguments)} are given,"
            f" {len(types)} in the signature"
        )
    return [
        memory(name, value, kind, history)
        if isinstance(value, np.ndarray)
        else scalar(name, value, kind)
        for name, value, kind in zip(names, arguments, types, strict=True)
    ]


def memory(name: str, array: np.ndarray, kind: Any, history: History | None) -> Memory:
    if array.ndim != 1 or not array.flags.c_contiguous:
        raise TypeError(f"{name} must be flat and contiguous: kernels take raw pointers")
    pointed = getattr(kind, "dtype", None)
    if kind is not None and (pointed is None or array.dtype != as_dtype(pointed)):
        raise TypeError(f"{name} is an array of {array.dtype}; the signature says {kind}")
    return Memory(array, name, history)


def scalar(name: str, value: Any, kind: Any) -> Any:
    if value is None:  # a null pointer
        return value
    if hasattr(kind, "dtype"):
        raise TypeError(f"{name} is {value!r}; the signature says {kind}")
    if kind is not None:
        return as_dtype(kind).type(value)
    if isinstance(value, float) and not isinstance(value, np.floating):
        raise TypeError(f"{name} is a Python float: say np.float32, np.float64 or a signature")
    return value
