"""A kernel, declared beside its loop, and a call of one that is ready to run: on either machine.

A kernel is a factory: called with the floating-point type, and with what it is specialised for, it
returns the loop that Numba compiles. `kernel` above the factory says what the loop's parameters
are, by name and in their order. Numba is imported where a loop is made, and not before.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Any, NamedTuple

import numpy as np


class Kind(Enum):
    """What one parameter of a kernel is; the value is (name in messages, dimensions)."""

    MATRIX = ("matrix", 2)
    """Numbers of the kernel's type, row-major, without gaps."""
    STRIDED = ("strided matrix", 2)
    """The same with any strides."""
    VECTOR = ("vector", 1)
    """Numbers of the kernel's type, without gaps."""
    ELEMENTS = ("block of memory", None)
    """Numbers of the kernel's type; extents and strides are parameters of their own."""
    INTEGERS = ("row of integers", 1)
    """int64, without gaps: indices, counters."""
    DOUBLES = ("row of doubles", 1)
    """float64, without gaps, whatever the kernel's type: losses, learning rates."""
    NUMBER = ("number", 0)
    """One number of the kernel's type."""
    DOUBLE = ("double", 0)
    """One float64, whatever the kernel's type."""
    COUNT = ("count", 0)
    """One int64."""

    def __init__(self, label: str, dimensions: int | None) -> None:
        self.label = label
        self.dimensions = dimensions

    @property
    def is_array(self) -> bool:
        """Whether an array is passed."""
        return self.dimensions != 0

    @property
    def has_gaps(self) -> bool:
        """Whether the array may have any strides."""
        return self in (Kind.STRIDED, Kind.ELEMENTS)

    def dtype(self, real: np.dtype[Any]) -> np.dtype[Any]:
        """Type of the value, or of the array's elements, in a kernel specialised for `real`."""
        return _FIXED.get(self, real)


_FIXED: dict[Kind, np.dtype[Any]] = {
    Kind.INTEGERS: np.dtype(np.int64),
    Kind.COUNT: np.dtype(np.int64),
    Kind.DOUBLES: np.dtype(np.float64),
    Kind.DOUBLE: np.dtype(np.float64),
}
_TYPED = (Kind.MATRIX, Kind.STRIDED, Kind.VECTOR, Kind.ELEMENTS)

Loop = Callable[..., None]


class Kernel(NamedTuple):
    """A kernel before it is compiled for a type and a processor."""

    factory: Callable[..., Loop]
    """Makes the loop for a floating-point type and the constants of `variant`."""
    parameters: tuple[tuple[str, Kind], ...]
    """The loop's, in their order."""
    variant: tuple[IntEnum, ...] = ()
    """Constants that the loop is specialised for, such as the activation."""

    def of(self, *variant: IntEnum) -> "Kernel":
        """Specialise the kernel."""
        return self._replace(variant=variant)

    @property
    def label(self) -> str:
        """Name in messages."""
        return "_".join([self.factory.__name__, *(each.name.lower() for each in self.variant)])

    def name(self, real: np.dtype[Any]) -> str:
        """Name of its machine code for one floating-point type."""
        return f"{self.label}_{real.name}"

    def loop(self, real: np.dtype[Any]) -> Loop:
        """Make the Python function that Numba compiles."""
        return self.factory(real.type, *self.variant)

    def real(self, arguments: Mapping[str, Any]) -> np.dtype[Any]:
        """Find the type that a call needs: that of its first array of the kernel's type."""
        typed = (arguments[name] for name, kind in self.parameters if kind in _TYPED)
        return next((array.dtype for array in typed), np.dtype(np.float64))

    def in_order(self, arguments: Mapping[str, Any]) -> list[tuple[Kind, Any]]:
        """Put the arguments of a call into the order of the parameters.

        Raises
        ------
        TypeError
            If one is missing or unknown, or an array is not what was declared: machine code would
            read past it.
        """
        names = [name for name, _ in self.parameters]
        if arguments.keys() != set(names):
            raise TypeError(
                f"{self.label}: takes {', '.join(names)}, was given {', '.join(arguments)}"
            )
        real = self.real(arguments)
        for name, kind in self.parameters:
            if kind.is_array:
                self._check(name, kind, arguments[name], kind.dtype(real))
        return [(kind, arguments[name]) for name, kind in self.parameters]

    def _check(self, name: str, kind: Kind, array: Any, dtype: np.dtype[Any]) -> None:
        packed = kind.has_gaps or array.flags.c_contiguous
        if array.dtype != dtype or kind.dimensions not in (None, array.ndim) or not packed:
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
