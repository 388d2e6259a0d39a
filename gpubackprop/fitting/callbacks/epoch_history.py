"""`history_` of an estimator of ours, which grows with scikit-learn's `loss_curve_`."""

from typing import Any

from ...history import EpochRecord, History
from ..options.values import has_options


def follow(estimator: Any) -> None:
    """Make `history_` as long as `loss_curve_`, which a first fit empties.

    Epochs that scikit-learn's own code trained, or an earlier version of gpubackprop, have records
    of their loss and score alone.
    """
    if not _has_one(estimator):
        return
    curve, scores = estimator.loss_curve_, getattr(estimator, "validation_scores_", None)
    history = History(vars(estimator).get("history_", ())[: len(curve)])
    before = len(history)
    for i in range(before, len(curve)):
        score = float(scores[i]) if scores and len(scores) == len(curve) else None
        history.append(EpochRecord(i + 1 - before, float(curve[i]), score, float("nan")))
    estimator.history_ = history


def recorded(estimator: Any, name: str) -> History:
    """Return the history that an attribute is read from.

    AttributeError if the model was not fitted, or by a solver without epochs.
    """
    history: History | None = vars(estimator).get("history_")
    if history is None:
        raise AttributeError(
            f"{name} is of a model that was fitted by epochs, as the solver 'adam' does; this one "
            f"has solver={estimator.solver!r} and no history_"
        )
    return history


def keep(estimator: Any, record: EpochRecord) -> None:
    """Add an epoch."""
    if _has_one(estimator):
        estimator.history_.append(record)


def _has_one(estimator: Any) -> bool:
    """Whether the estimator is of ours, and not scikit-learn's own that is accelerated."""
    cls: Any = type(estimator)
    return has_options(cls)
