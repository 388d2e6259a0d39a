"""What the last finished epoch left, where a step may fail half-way."""

from collections.abc import Iterable

from ..algorithm.memory import Array, Memory


class LastEpoch:
    """Copies of arrays that training changes, beside them.

    Parameters
    ----------
    arrays : iterable of ndarray
        What an epoch starts from: parameters, the optimizer's state. Kept at once; may be none.
    memory : Memory
        Memory of the arrays.
    """

    def __init__(self, arrays: Iterable[Array], memory: Memory) -> None:
        self._pairs = [(live, memory.zeros(live.size, live.dtype)) for live in arrays]
        self.keep()

    def keep(self) -> None:
        """Take the arrays as they are now."""
        for live, copy in self._pairs:
            copy[...] = live

    def restore(self) -> None:
        """Make them again what was kept."""
        for live, copy in self._pairs:
            live[...] = copy
