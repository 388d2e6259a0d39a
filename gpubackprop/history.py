"""What is recorded of a training run: a record of every epoch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd


class EpochRecord(NamedTuple):
    """One finished epoch.

    Parameters
    ----------
    epoch : int
        Its number in this call of `fit` or `partial_fit`, from 1.
    loss : float
        Mean training loss, L2 penalty included.
    validation_score : float or None
        Score on the rows that are held out or given to validate with.
    seconds : float
        Wall time of the epoch, an equal part of it where several were computed in one call; NaN
        where scikit-learn's own code trained.
    validation_loss : float or None, default=None
        Mean loss of the validation rows, without the penalty.
    learning_rate : float, default=NaN
        The epoch's rate, with a schedule the mean of its batches'; Adam's before its bias
        correction.
    gradient_norm : float or None, default=None
        Mean norm of the batches' gradients before clipping, with `clip_norm`.
    """

    epoch: int
    loss: float
    validation_score: float | None
    seconds: float
    validation_loss: float | None = None
    learning_rate: float = math.nan
    gradient_norm: float | None = None


class History(list[EpochRecord]):
    """Records of all epochs that a model was trained for, those of earlier calls first.

    There are as many as `loss_curve_` has losses.

    Examples
    --------
    >>> from gpubackprop import EpochRecord, History
    >>> history = History([EpochRecord(1, 2.5, None, 0.1), EpochRecord(2, 0.5, None, 0.1)])
    >>> min(record.loss for record in history)
    0.5
    """

    def to_pandas(self) -> pd.DataFrame:
        """Make a data frame of the records.

        Returns
        -------
        frame : pandas.DataFrame
            A row for each epoch, numbered from 1 in the index "epoch" over all calls; a column
            for each other field of `EpochRecord`, NaN where a record has none.

        Raises
        ------
        ImportError
            If pandas is missing.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("History.to_pandas needs pandas: pip install pandas") from error
        columns = [name for name in EpochRecord._fields if name != "epoch"]
        epochs = pd.RangeIndex(1, len(self) + 1, name="epoch")
        frame = pd.DataFrame(list(self), index=epochs, columns=list(EpochRecord._fields))
        return frame[columns].astype(float)

    def validation_losses(self) -> list[float] | None:
        """List the validation losses; NaN where an epoch has none, None where all have none."""
        losses = [record.validation_loss for record in self]
        if all(loss is None for loss in losses):
            return None
        return [math.nan if loss is None else loss for loss in losses]

    def best_epoch(self) -> int | None:
        """Number the epoch with the best validation score, or with the lowest loss without any.

        Returns
        -------
        epoch : int or None
            From 1, over all calls; the first of several; None if no score or loss is a number.
        """
        scored = any(record.validation_score is not None for record in self)
        merits = [r.validation_score if scored else -r.loss for r in self]
        best, found = -math.inf, None
        for epoch, merit in enumerate(merits, start=1):
            if merit is not None and merit > best:
                best, found = merit, epoch
        return found


for _public in (EpochRecord, History):
    _public.__module__ = "gpubackprop"  # a pickle names the package, not a file in it
