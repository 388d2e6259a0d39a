"""What a training run tells those who listen."""

from collections.abc import Callable
from typing import Any, NamedTuple


class EpochRecord(NamedTuple):
    """One finished epoch.

    Parameters
    ----------
    epoch : int
        Its number, from 1.
    loss : float
        Mean training loss, L2 penalty included.
    validation_score : float or None
        Score on the held-out part, with early stopping.
    seconds : float
        Wall time of the epoch.
    """

    epoch: int
    loss: float
    validation_score: float | None
    seconds: float


Callback = Callable[[Any, EpochRecord], bool | None]
"""Called after every epoch with the estimator and its record; True asks for a stop."""
