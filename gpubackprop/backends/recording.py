"""A stand-in for a kernels module that remembers calls instead of making them."""

from collections.abc import Callable
from typing import Any, cast

from ..kernels.protocol import Kernels

Call = tuple[Callable[..., None], tuple[Any, ...]]


class Tape:
    """Records the primitives that a function calls, as a CUDA Graph's capture does.

    Parameters
    ----------
    kernels : Kernels
        The module whose primitives are recorded.

    Examples
    --------
    >>> import numpy as np
    >>> from gpubackprop.kernels import reference
    >>> from gpubackprop.backends.recording import Tape
    >>> counter, tape = np.zeros(1, dtype=np.int64), Tape(reference)
    >>> tape.recorder.advance(counter, 5)
    >>> tape.replay()
    >>> tape.replay()
    >>> counter.item()
    10
    """

    def __init__(self, kernels: Kernels) -> None:
        self.calls: list[Call] = []
        self.recorder = cast(Kernels, _Recorder(kernels, self.calls))

    def replay(self) -> None:
        """Make the recorded calls, with the very arguments they were recorded with."""
        for primitive, arguments in self.calls:
            primitive(*arguments)


class _Recorder:
    def __init__(self, kernels: Kernels, calls: list[Call]) -> None:
        self._kernels, self._calls = kernels, calls

    def __getattr__(self, name: str) -> Callable[..., None]:
        primitive = getattr(self._kernels, name)
        return lambda *arguments: self._calls.append((primitive, arguments))
