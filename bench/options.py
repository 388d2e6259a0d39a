"""Options of a run of the benchmarks."""

from typing import NamedTuple

from .contestants import DEFAULT_PEERS
from .problems import USUAL


class Options(NamedTuple):
    """Choices that the sections of a report share."""

    quick: bool = False
    """Toy sizes: does it all run? Their ratios mean nothing."""
    problems: tuple[str, ...] = USUAL
    """Problems whose epochs are compared."""
    peers: tuple[str, ...] = DEFAULT_PEERS
    """Contestants that ours is compared with on the CPU."""
    dtypes: tuple[str, ...] = ("float32",)
    activations: tuple[str, ...] = ("relu",)
    pairs: int = 5
    """Measurements of each contestant."""

    @property
    def seconds(self) -> float:
        """Length of one measurement."""
        return 0.02 if self.quick else 0.3
