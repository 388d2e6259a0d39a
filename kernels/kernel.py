"""A kernel, declared beside its loop, and a call of one that is ready to run: on either machine.

A kernel is a factory: called with the floating-point type, and with what it is specialised for, it
returns the loop that Numba compiles. `kernel` above the factory says what the loop's parameters
are, by name and in their order. Numba is imported where a loop is made, and not before.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from functools import cache, cached_property
from typing import Any

import numpy as np


class Kind(Enum):
    """What one parameter of a kernel is: name in messages, dimensions, type unless the kernel's."""

    MATRIX = ("matrix", 2, None)
    """Numbers of the kernel's type, row-major, without gaps."""
    STRIDED = ("strided matrix", 2, None)
    """An array with any strides."""
    CONVERTED = ("strided matrix of the other type", 2, None)
    """An array in float32 where the kernel's type is float64, and the other way round."""
    VECTOR = ("vector", 1, None)
    """Numbers of the kernel's type, without gaps."""
    ELEMENTS = ("block of memory", None, None)
    """Numbers of the kernel's type; extents and strides are parameters of their own."""
    INTEGERS = ("row of integers", 1, np.int64)
    """int64, without gaps: indices, counters."""
    INDICES = ("row of 32-bit integers", 1, np.int32)
    """int32, without gaps: columns of a sparse matrix's entries."""
    SHORTS = ("row of 16-bit integers", 1, np.uint16)
    """uint16, without gaps: random draws."""
    DOUBLES = ("row of doubles", 1, np.float64)
    """float64, without gaps, whatever the kernel's type: losses, learning rates."""
    NUMBER = ("number", 0, None)
    """One number of the kernel's type."""
    DOUBLE = ("double", 0, np.float64)
    """One float64, whatever the kernel's type."""
    COUNT = ("count", 0, np.int64)
    """One int64."""
    ADDRESS = ("address", 0, np.int64)
    """Where an array begins; machine code is told of nothing else about it."""

    def __init__(self, label: str, dimensions: int | None, element: type | None) -> None:
        self.label = label
        self.dimensions = dimensions
        self.is_array = dimensions != 0
        self.has_gaps = label.startswith("strided matrix") or label == "block of memory"
        self._dtype = None if element is None else np.dtype(element)

    def dtype(self, real: np.dtype[Any]) -> np.dtype[Any]:
        """Type of the value, or of the array's elements, in a kernel specialised for `real`."""
        if self is Kind.CONVERTED:
            return np.dtype(np.float32 if real == np.float64 else np.float64)
        return real if self._dtype is None else self._dtype

    @property
    def decides(self) -> bool:
        """Whether the array has the kernel's type."""
        return self.is_array and self._dtype is None and self is not Kind.CONVERTED


Loop = Callable[..., None]


@dataclass(frozen=True, eq=False)
class Kernel:
    """A kernel before it is compiled for a type and a processor."""

    factory: Callable[..., Loop]
    """Makes the loop for a floating-point type and the constants of `variant`."""
    parameters: tuple[tuple[str, Kind], ...]
    """The loop's, in their order."""
    variant: tuple[IntEnum, ...] = ()
    """Constants that the loop is specialised for, such as the activation."""

    @cache  # noqa: B019  (a kernel lives as long as the process)
    def of(self, *variant: IntEnum) -> "Kernel":
        """Specialise the kernel."""
        return Kernel(self.factory, self.parameters, variant)

    @cached_property
    def label(self) -> str:
        """Name in messages."""
        return "_".join([self.factory.__name__, *(each.name.lower() for each in self.variant)])

    @cache  # noqa: B019
    def name(self, real: np.dtype[Any]) -> str:
        """Name of its machine code for one floating-point type."""
        return f"{self.label}_{real.type.__name__}"

    @cache  # noqa: B019
    def loop(self, real: np.dtype[Any]) -> Loop:
        """Make the Python function that Numba compiles, once for all processors."""
        return self.factory(real.type, *self.variant)

    def real(self, arguments: Mapping[str, Any]) -> np.dtype[Any]:
        """Find the type that a call needs: that of its first array of the kernel's type."""
        for name in self._deciding:
            if name in arguments:
                real: np.dtype[Any] = arguments[name].dtype
                return real
        return np.dtype(np.float64)

    @cached_property
    def _deciding(self) -> tuple[str, ...]:
        return tuple(name for name, kind in self.parameters if kind.decides)

    def in_order(self, arguments: Mapping[str, Any]) -> list[tuple[Kind, np.dtype[Any], Any]]:
        """Put the arguments of a call, each with its kind and type, in the parameters' order.

        TypeError if one is missing or unknown, or an array is not what was declared: machine code
        would read past it.
        """
        if arguments.keys() != self._kinds.keys():
            names = ", ".join(self._kinds)
            raise TypeError(f"{self.label}: takes {names}, was given {', '.join(arguments)}")
        ordered = []
        for name, kind, dtype in self._typed(self.real(arguments)):
            argument = arguments[name]
            if kind.is_array:
                self._check(name, kind, argument, dtype)
            ordered.append((kind, dtype, argument))
        return ordered

    @cache  # noqa: B019
    def _typed(self, real: np.dtype[Any]) -> list[tuple[str, Kind, np.dtype[Any]]]:
        """Parameters in their order, with their types."""
        return [(name, kind, kind.dtype(real)) for name, kind in self.parameters]

    @cached_property
    def _kinds(self) -> dict[str, Kind]:
        return dict(self.parameters)

    def _check(self, name: str, kind: Kind, array: Any, dtype: np.dtype[Any]) -> None:
        readable = (kind.has_gaps or array.flags.c_contiguous) and array.dtype.isnative
        if array.dtype != dtype or kind.dimensions not in (None, array.ndim) or not readable:
            raise TypeError(
                f"{self.label}: {name} must be a {kind.label} of {dtype}, got {array.dtype}"
                f" of shape {array.shape} and strides {array.strides}"
            )


def kernel(**parameters: Kind) -> Callable[[Callable[..., Loop]], Kernel]:
    """Declare the parameters of the loop that the function below makes, in their order."""
    return lambda factory: Kernel(factory, tuple(parameters.items()))


@dataclass(frozen=True, eq=False)
class Launch:
    """A call that is ready to run, any number of times: it allocates nothing."""

    name: str
    """Of what is called, for errors and profiles."""
    run: Callable[[], Any]
    """Run it once."""
    keep: tuple[Any, ...]
    """What has to live as long: the arrays that are read and written."""
