"""Callbacks that end training early."""

import math
from numbers import Real
from time import monotonic
from typing import Any

from ..history import EpochRecord
from .epochs import EpochCallback


class StopAtTarget(EpochCallback):
    """Stop as soon as one of the targets is reached.

    Parameters
    ----------
    loss : float or None, default=None
        Training loss to come down to.
    validation_loss : float or None, default=None
        Loss of the validation rows to come down to.
    validation_score : float or None, default=None
        Score of the validation rows to come up to.

    Raises
    ------
    ValueError
        If there is no target. In a fit: if the target is of validation rows and there are none.
    TypeError
        If a target is no number.

    Examples
    --------
    >>> from gpubackprop import MLPClassifier
    >>> from gpubackprop.callbacks import StopAtTarget
    >>> target = StopAtTarget(validation_score=0.95)
    >>> model = MLPClassifier(early_stopping=True).set_callbacks(target)
    """

    def __init__(
        self,
        *,
        loss: float | None = None,
        validation_loss: float | None = None,
        validation_score: float | None = None,
    ) -> None:
        self.loss, self.validation_loss = loss, validation_loss
        self.validation_score = validation_score
        targets = {name: value for name, value in vars(self).items() if value is not None}
        if not targets:
            raise ValueError(
                "StopAtTarget needs a target: loss, validation_loss or validation_score"
            )
        for name, value in targets.items():
            _require_number(name, value)

    def epoch_ended(self, estimator: Any, record: EpochRecord) -> bool:
        """Compare the epoch with the targets."""
        low = any(
            target is not None and _known(record, name) <= target
            for name, target in (("loss", self.loss), ("validation_loss", self.validation_loss))
        )
        target = self.validation_score
        return low or (target is not None and _known(record, "validation_score") >= target)


class StopAfter(EpochCallback):
    """Stop at the end of the epoch in which a time has passed.

    Parameters
    ----------
    seconds : float
        From the beginning of each fit.

    Raises
    ------
    TypeError
        If it is no number.
    ValueError
        If it is not above 0.

    Examples
    --------
    >>> from gpubackprop import MLPClassifier
    >>> from gpubackprop.callbacks import StopAfter
    >>> model = MLPClassifier(max_iter=100_000).set_callbacks(StopAfter(seconds=600))
    """

    def __init__(self, seconds: float) -> None:
        _require_number("seconds", seconds)
        if not seconds > 0:
            raise ValueError(f"seconds must be above 0, got {seconds!r}")
        self.seconds = seconds
        self._began: dict[int, float] = {}

    def fit_began(self, estimator: Any, epochs: int | None) -> None:
        """Look at the clock."""
        self._began[id(estimator)] = monotonic()

    def epoch_ended(self, estimator: Any, record: EpochRecord) -> bool:
        """Look at the clock again."""
        return monotonic() - self._began[id(estimator)] >= self.seconds

    def fit_ended(self, estimator: Any) -> None:
        """Forget when the fit began."""
        self._began.pop(id(estimator), None)


def _require_number(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, Real) or math.isnan(value):
        raise TypeError(f"{name} must be a number, got {value!r}")


def _known(record: EpochRecord, name: str) -> float:
    value: float | None = getattr(record, name)
    if value is None:
        raise ValueError(
            f"StopAtTarget watches {name}, and there are no validation rows: set "
            "early_stopping=True or give fit X_val and y_val"
        )
    return value
