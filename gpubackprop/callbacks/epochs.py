"""The callback that the ready ones are made of."""

from typing import Any

from ..history import EpochRecord


class EpochCallback:
    """Base of callbacks that look at every epoch, for an estimator's `set_callbacks`.

    A subclass defines `epoch_ended`, and `fit_began` and `fit_ended` where it has something to
    prepare or to put away. An estimator and its clones share one object, which may see several
    fits at a time: what it keeps for a fit it keeps by the estimator's `id`. It follows the
    protocol `sklearn.callback.FitCallback` of scikit-learn 1.9, and works with 1.7 and 1.8 too.

    Examples
    --------
    >>> from gpubackprop import MLPRegressor
    >>> from gpubackprop.callbacks import EpochCallback
    >>> class Losses(EpochCallback):
    ...     def __init__(self):
    ...         self.seen = []
    ...
    ...     def epoch_ended(self, estimator, record):
    ...         self.seen.append(record.loss)
    >>> losses = Losses()
    >>> model = MLPRegressor(tol=1e9, n_iter_no_change=2).set_callbacks(losses)
    >>> model.fit([[0.0], [1.0]], [0.0, 1.0]).loss_curve_ == losses.seen
    True
    """

    def fit_began(self, estimator: Any, epochs: int | None) -> None:
        """Prepare for a fit of at most `epochs` epochs; None where their number is not known."""

    def epoch_ended(self, estimator: Any, record: EpochRecord) -> Any:
        """Look at an epoch; something true asks for a stop."""
        raise NotImplementedError(f"{type(self).__name__} must define epoch_ended")

    def fit_ended(self, estimator: Any) -> None:
        """Put away what the fit needed, also after an error."""

    def setup(self, estimator: Any, context: Any) -> None:
        """Begin a fit, as scikit-learn calls it."""
        self.fit_began(estimator, context.max_subtasks)

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing as a task begins, as scikit-learn calls it."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        """End a task, as scikit-learn calls it; tasks other than epochs are passed over."""
        if context.task_name != "epoch":
            return False
        return bool(self.epoch_ended(estimator, estimator.history_[-1]))

    def teardown(self, estimator: Any, context: Any) -> None:
        """End a fit, as scikit-learn calls it."""
        self.fit_ended(estimator)
