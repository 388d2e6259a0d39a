"""A kernel of the GPU by name: its factory, its parameters, and what it is specialised for."""

from collections.abc import Callable
from enum import Enum, IntEnum
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np


class Parameter(Enum):
    """What one parameter of a kernel is."""

    REALS = "address of numbers of the kernel's type"
    INTEGERS = "address of int64"
    DOUBLES = "address of float64, whatever the kernel's type: losses, learning rates"
    COUNT = "one int64"
    NUMBER = "one number of the kernel's type"
    DOUBLE = "one float64"

    @property
    def is_address(self) -> bool:
        """Whether an array is passed."""
        return self in (Parameter.REALS, Parameter.INTEGERS, Parameter.DOUBLES)

    def dtype(self, real: np.dtype[Any]) -> np.dtype[Any]:
        """Type of the value, or of what the address points to."""
        if self in (Parameter.REALS, Parameter.NUMBER):
            return real
        integer = self in (Parameter.INTEGERS, Parameter.COUNT)
        return np.dtype(np.int64 if integer else np.float64)


class Kernel(NamedTuple):
    """One kernel, before it is compiled for a type and a processor."""

    factory: str
    """Module and function in this package, such as "layers.gather"."""
    parameters: tuple[Parameter, ...]
    variant: tuple[IntEnum, ...] = ()
    """Constants that it is specialised for, such as the activation."""

    def name(self, real: np.dtype[Any]) -> str:
        """Name of its code for one floating-point type."""
        constants = (constant.name.lower() for constant in self.variant)
        return "_".join([self.factory.partition(".")[2], *constants, real.name])

    def function(self, real: np.dtype[Any]) -> Callable[..., None]:
        """Make the Python function that Numba compiles, or the simulator runs."""
        module, _, factory = self.factory.partition(".")
        made: Callable[..., None] = getattr(import_module(f".{module}", __package__), factory)(
            real.type, *self.variant
        )
        return made

    def check(self, real: np.dtype[Any], arguments: tuple[Any, ...]) -> None:
        """Refuse a call that the compiled code would misread.

        Raises
        ------
        TypeError
            If an array has another type than declared, or an argument too many or too few is given.
        """
        if len(arguments) != len(self.parameters):
            raise TypeError(f"{self.factory}: {len(self.parameters)} parameters, {len(arguments)}")
        for parameter, argument in zip(self.parameters, arguments, strict=True):
            if parameter.is_address and argument.dtype != parameter.dtype(real):
                raise TypeError(
                    f"{self.factory}: expected {parameter.value}, got an array of {argument.dtype}"
                )
