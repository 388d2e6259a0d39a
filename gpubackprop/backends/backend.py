"""What a backend is: primitives, and a way to take a step of them many times."""

from collections.abc import Callable
from typing import NamedTuple

from ..kernels.protocol import Kernels

Step = Callable[[Kernels], None]
"""A sequence of primitives, such as one mini-batch's, in any kernels module."""
Run = Callable[[int], None]
"""Takes that step so many times."""


class Backend(NamedTuple):
    """A kernels module and how it is executed."""

    name: str
    kernels: Kernels
    prepare: Callable[[Step], Run]
