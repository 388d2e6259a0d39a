"""What a backend is: primitives, and a way to take a step of them many times."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

from ..algorithm.memory import Memory
from ..kernels.protocol import Kernels

Step = Callable[[Kernels], None]
"""A sequence of primitives, such as one mini-batch's, of any backend."""
Run = Callable[[int], None]
"""Takes that step a number of times."""


class Backend(NamedTuple):
    """Kernels, and how a step of them is executed."""

    name: str
    kernels: Kernels
    memory: Memory
    """Memory of the primitives' arrays."""
    session: Callable[[], AbstractContextManager[None]]
    """Sets the process up for steps and back again; to be held around many of them."""
    prepare: Callable[[Step, int], Run]
    """Makes a step ready to run; the number is that of its multiply-adds, its size."""
