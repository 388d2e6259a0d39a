"""What the last finished epoch left, where a step may fail half-way."""

from collections.abc import Iterable

from ..algorithm.memory import Array, Memory


class EpochSnapshot:
    """Copies arrays that training changes, at once and in their own memory, to put them back."""

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
