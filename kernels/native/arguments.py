"""How arguments reach machine code: one block of 64-bit slots a call, addresses and shapes in it.

A block outlives the call that filled it, which is what lets a recorded call be replayed.
"""

from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Block = npt.NDArray[np.int64]


class Layout(Enum):
    """What one parameter of a kernel is; the value is (name in messages, dimensions)."""

    MATRIX = ("matrix", 2)
    """Rows of numbers of the kernel's dtype, row-major, without gaps."""
    STRIDED = ("strided", 2)
    """The same with any strides."""
    VECTOR = ("vector", 1)
    """Numbers of the kernel's dtype, without gaps."""
    INTEGERS = ("integers", 1)
    """int64, without gaps: indices, counters."""
    REALS = ("reals", 1)
    """float64, without gaps, whatever the kernel's dtype: losses, learning rates."""
    NUMBER = ("number", 0)
    """One float64 fixed at record time."""
    COUNT = ("count", 0)
    """One int64 fixed at record time."""

    def __init__(self, label: str, dimensions: int) -> None:
        self.label = label
        self.dimensions = dimensions

    def dtype(self, real: np.dtype[Any]) -> np.dtype[Any]:
        """Element type of this parameter in a kernel specialised for `real`."""
        fixed = {Layout.INTEGERS: np.int64, Layout.COUNT: np.int64}
        fixed |= {Layout.REALS: np.float64, Layout.NUMBER: np.float64}  # type: ignore[dict-item]
        return np.dtype(fixed.get(self, real))


_TYPED = (Layout.MATRIX, Layout.STRIDED, Layout.VECTOR)


def address(array: Array) -> int:
    """Address of the first element."""
    return int(array.__array_interface__["data"][0])


def real_type(layouts: tuple[Layout, ...], arguments: tuple[Any, ...]) -> np.dtype[Any]:
    """The floating-point type that specialises a kernel: that of its first typed array."""
    for layout, argument in zip(layouts, arguments, strict=True):
        if layout in _TYPED:
            real: np.dtype[Any] = argument.dtype
            return real
    return np.dtype(np.float64)


def pack(name: str, layouts: tuple[Layout, ...], arguments: tuple[Any, ...]) -> Block:
    """Fill one block with the arguments of a call.

    Raises
    ------
    TypeError
        If an array has another dtype, dimension or memory order than the kernel was declared with:
        machine code would read past it.
    """
    real = real_type(layouts, arguments)
    slots: list[int] = []
    for layout, argument in zip(layouts, arguments, strict=True):
        if layout is Layout.COUNT:
            slots.append(argument)
        elif layout is Layout.NUMBER:
            slots.append(int(np.float64(argument).view(np.int64)))
        else:
            _check(name, layout, argument, real)
            slots.append(address(argument))
            slots.extend(argument.shape)
            if layout is Layout.STRIDED:
                slots.extend(argument.strides)
    return np.array(slots, dtype=np.int64)


def _check(name: str, layout: Layout, array: Array, real: np.dtype[Any]) -> None:
    expected = layout.dtype(real)
    packed = layout is Layout.STRIDED or array.flags.c_contiguous
    if array.dtype != expected or array.ndim != layout.dimensions or not packed:
        raise TypeError(
            f"{name}: expected a {layout.label} of {expected}, got {array.dtype}"
            f" of shape {array.shape} and strides {array.strides}"
        )
