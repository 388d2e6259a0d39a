"""How arguments reach machine code: one block of 64-bit slots a call, addresses and shapes in it.

A block outlives the call that filled it, which is what lets a recorded call be replayed.
"""

import ctypes
import struct
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..kernel import Kernel, Kind

Array = npt.NDArray[Any]
Block = npt.NDArray[np.int64]


_pointer_at = ctypes.c_void_p.from_address
_DATA = object.__basicsize__
"""Where `PyArrayObject.data` lies: right behind the head of every Python object."""


def address(array: Array) -> int:
    """Address of the first element."""
    return _pointer_at(id(array) + _DATA).value or 0  # without making a dict of it, or an object


def pack(kernel: Kernel, arguments: Mapping[str, Any]) -> Block:
    """Fill one block with the arguments of a call; TypeError as of `Kernel.in_order`."""
    slots: list[int] = []
    for kind, dtype, argument in kernel.in_order(arguments):
        if kind.is_array:
            slots.append(address(argument))
            slots.extend(argument.shape)
            if kind.has_gaps:
                slots.extend(argument.strides)
        elif kind is Kind.COUNT or kind is Kind.ADDRESS:
            slots.append(argument)
        else:
            slots.append(_bits(argument, dtype))
    return np.array(slots, dtype=np.int64)


@cache
def address_slots(kernel: Kernel) -> tuple[int, ...]:
    """Slots of a kernel's block that hold where an array begins."""
    return tuple(_address_slots(kernel))


def _address_slots(kernel: Kernel) -> Iterator[int]:
    slot = 0
    for _, kind in kernel.parameters:
        if kind.is_array or kind is Kind.ADDRESS:
            yield slot
        extents = kind.dimensions or 0
        slot += 1 + (2 * extents if kind.has_gaps else extents)


_LAID_OUT = {np.dtype(np.float64): "d", np.dtype(np.float32): "f4x"}
"""How `struct` fills a slot with a number."""


def _bits(number: float, dtype: np.dtype[Any]) -> int:
    """A number as a slot holds it."""
    (slot,) = struct.unpack("q", struct.pack(_LAID_OUT[dtype], number))
    return int(slot)
