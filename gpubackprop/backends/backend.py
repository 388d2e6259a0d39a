"""What a backend is: primitives, and a way to take a step of them many times."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

from ..algorithm.memory import Array, Memory
from ..kernels.protocol import Kernels

Step = Callable[[Kernels], None]
"""A sequence of primitives, such as one mini-batch's, of any backend."""
Run = Callable[[int], None]
"""Takes that step a number of times."""

INTERRUPT_SECONDS = 0.02
"""Seconds that machine code may run before Python looks for an interrupt."""


class Tally(NamedTuple):
    """Sums that the steps of a round add to, and where those of each round are kept."""

    sums: Array
    fresh: Array
    """What the sums of a round begin with."""
    kept: Array
    """The sums of all rounds, (rounds, ...)."""
    rounds: Array
    """How many have been kept, one int64."""


Rounds = Callable[[Sequence[tuple[Run, int]], Tally], Run | None]
"""Makes one run of several, a round of which takes each of them a number of times.

The sums of each round are kept. None where Python leads from one run to the next.
"""


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
    rounds: Rounds | None = None
    """None where Python always leads."""
