"""Callbacks of `set_callbacks`, which hear of a fit and of its epochs as scikit-learn's tasks."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ...callbacks import Callback
from ...distributed.current import is_first
from ...history import EpochRecord

_PROTOCOL = ("setup", "teardown", "on_fit_task_begin", "on_fit_task_end")
WHILE_FITTING = ("_tasks", "_callback_fit_ctx", "_skl_callbacks_to_teardown")
"""Attributes of an estimator during a fit that somebody hears of."""


def set_callbacks(estimator: Any, callbacks: tuple[Any, ...]) -> None:
    """Set an estimator's callbacks, by reference, in place of those that it had.

    TypeError if one does not follow scikit-learn's protocol, or is a class and no instance.
    """
    for callback in callbacks:
        missing = [name for name in _PROTOCOL if not callable(getattr(callback, name, None))]
        if missing or isinstance(callback, type):
            why = f"it has no {', '.join(missing)}" if missing else "it is a class"
            raise TypeError(
                "callbacks must be instances following the FitCallback protocol of sklearn.callback"
                f", got {callback!r}: {why}; functions go to the parameter callbacks"
            )
    if callbacks:
        estimator._skl_callbacks = list(callbacks)
    else:
        vars(estimator).pop("_skl_callbacks", None)


def share(source: Any, twin: Any) -> None:
    """Give a clone the very callbacks of its source, as `clone` of scikit-learn 1.9 does."""
    if has_callbacks(source):
        twin._skl_callbacks = source._skl_callbacks


def has_callbacks(estimator: Any) -> bool:
    """Whether somebody hears of the tasks of a fit."""
    return bool(vars(estimator).get("_skl_callbacks"))


class Tasks:
    """The task "fit" of an estimator, and the epochs that are its subtasks.

    `told` is what hooks are told of it: X and y as the user gave them, and metadata.
    """

    def __init__(self, context: Any, told: dict[str, Any]) -> None:
        self._context, self._told = context, told
        self._epoch: Any = None

    def begin_epoch(self, estimator: Any) -> None:
        """Begin the next epoch."""
        self._epoch = self._context.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(estimator=estimator, **self._told)

    def end_epoch(self, estimator: Any, record: EpochRecord) -> bool:
        """End the epoch; return whether a callback asks for a stop."""

        def learned() -> dict[str, Any]:
            best = estimator.early_stopping
            W = estimator._best_coefs if best else estimator.coefs_
            b = estimator._best_intercepts if best else estimator.intercepts_
            return {"coefs_": [w.copy() for w in W], "intercepts_": [v.copy() for v in b]}

        asked: bool = self._epoch.call_on_fit_task_end(
            estimator=estimator, **self._told, reconstruction_attributes=learned
        )
        return asked


def begin_epoch(estimator: Any) -> None:
    """Tell those who hear of the estimator's epochs that one begins."""
    tasks: Tasks | None = vars(estimator).get("_tasks")
    if tasks is not None:
        tasks.begin_epoch(estimator)


def listening(estimator: Any) -> tuple[Callback, ...]:
    """Return the function that tells the callbacks of an epoch's end, if the fit has callbacks."""
    tasks: Tasks | None = vars(estimator).get("_tasks")
    return () if tasks is None else (tasks.end_epoch,)


def fit(
    estimator: Any,
    original: Callable[..., Any],
    X: Any,
    y: Any,
    sample_weight: Any,
    incremental: bool,
) -> Any:
    """Fit by the original, scikit-learn's `_fit`, and tell of it; on the first of several ranks."""
    if not (has_callbacks(estimator) and is_first()):
        return original(X, y, sample_weight, incremental)
    support = _support()

    def told_of(estimator: Any) -> Any:
        epochs = 0 if estimator.solver == "lbfgs" else 1 if incremental else estimator.max_iter
        context = support.CallbackSupportMixin._init_callback_context(
            estimator, max_subtasks=epochs
        )
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        told = {"X": X, "y": y, "metadata": metadata}
        context.call_on_fit_task_begin(estimator=estimator, **told)
        estimator._tasks = Tasks(context, told)
        try:
            fitted = original(X, y, sample_weight, incremental)
        finally:
            del estimator._tasks
        context.call_on_fit_task_end(estimator=estimator, **told, reconstruction_attributes={})
        return fitted

    return support.with_callbacks(told_of)(estimator)


def _support() -> Any:
    """Return `sklearn.callback`, or what stands for it where scikit-learn has none yet."""
    if find_spec("sklearn.callback") is not None:
        return import_module("sklearn.callback")
    return import_module(".tasks", __package__)
