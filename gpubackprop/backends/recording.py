"""A stand-in for a backend's kernels that notes calls instead of making them."""

from typing import cast

from ..kernels.calls import Call, Calls
from ..kernels.protocol import Kernels


class Recording:
    """Notes the primitives that a function calls on `kernels`, as a CUDA Graph's capture does.

    Examples
    --------
    >>> import numpy as np
    >>> from gpubackprop.backends.recording import Recording
    >>> counter, recording = np.zeros(1, dtype=np.int64), Recording()
    >>> recording.kernels.advance(counter, 5)
    >>> recording.calls[0].primitive, recording.calls[0].arguments["amount"], counter.item()
    ('advance', 5, 0)
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.kernels = cast(Kernels, Calls(Kernels, self.calls.append))
