"""What `sklearn.callback` of scikit-learn 1.9 gives an estimator, for 1.7 and 1.8.

The names are scikit-learn's, so that one can stand for the other. A search of 1.7 or 1.8 has no
tasks of its own, so the tree of tasks begins with each fit.
"""

import copy
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import wraps
from inspect import Parameter, signature
from typing import Any
from uuid import UUID, uuid4


class CallbackContext:
    """A task, "fit" or an "epoch" of it, which may consist of `max_subtasks` tasks at the most."""

    def __init__(
        self,
        callbacks: list[Any],
        estimator_name: str,
        task_name: str,
        max_subtasks: int,
        parent: "CallbackContext | None" = None,
    ) -> None:
        self._callbacks, self._begun = callbacks, 0
        self.estimator_name, self.task_name = estimator_name, task_name
        self.max_subtasks, self.parent = max_subtasks, parent
        self.task_id = 0 if parent is None else parent._begun
        self.sequential_subtasks = True
        self.root_uuid: UUID = uuid4() if parent is None else parent.root_uuid
        self.init_time = datetime.now(UTC)
        self.source_estimator_name = self.source_task_name = None

    def subcontext(self, task_name: str = "", max_subtasks: int = 0) -> "CallbackContext":
        """Begin a task that is part of this one."""
        child = CallbackContext(self._callbacks, self.estimator_name, task_name, max_subtasks, self)
        self._begun += 1
        return child

    def call_on_fit_task_begin(self, **told: Any) -> "CallbackContext":
        """Call the hooks `on_fit_task_begin`."""
        self._call("on_fit_task_begin", **told)
        return self

    def call_on_fit_task_end(self, **told: Any) -> bool:
        """Call the hooks `on_fit_task_end`; return whether one asks for a stop."""
        return self._call("on_fit_task_end", **told)

    def _call(self, hook_name: str, *, estimator: Any, **told: Any) -> bool:
        """Give each hook the keyword-only arguments that it names, made when first asked for."""
        made: dict[str, Any] = {}
        asked = False
        for callback in self._callbacks:
            hook = getattr(callback, hook_name)
            named = _keywords(hook)
            for name in named - made.keys():
                made[name] = _argument(name, estimator, told)
            asked |= bool(hook(estimator, self, **{name: made[name] for name in named}))
        return asked


def _keywords(hook: Callable[..., Any]) -> set[str]:
    named = signature(hook).parameters.values()
    return {each.name for each in named if each.kind is Parameter.KEYWORD_ONLY}


def _argument(name: str, estimator: Any, told: dict[str, Any]) -> Any:
    """Make what a hook asks for: what it is told, or a model as if training had ended."""
    value = told.get("reconstruction_attributes" if name == "fitted_estimator" else name)
    value = value() if callable(value) else value
    if name != "fitted_estimator" or value is None:
        return value
    fitted = copy.copy(estimator)
    vars(fitted).update(value)
    return fitted


class CallbackSupportMixin:
    """Begins the tasks of an estimator that has callbacks."""

    _skl_callbacks: list[Any]

    def _init_callback_context(self, *, max_subtasks: int = 0) -> CallbackContext:
        """Begin the task "fit", and set the callbacks up."""
        callbacks, name = self._skl_callbacks, type(self).__name__
        self._callback_fit_ctx = CallbackContext(callbacks, name, "fit", max_subtasks)
        self._skl_callbacks_to_teardown: list[Any] = []
        for callback in callbacks:
            self._skl_callbacks_to_teardown.append(callback)
            callback.setup(self, self._callback_fit_ctx)
        return self._callback_fit_ctx


def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
    """Tear the callbacks down after a method, also after an error."""

    @wraps(method)
    def torn_down(estimator: Any, *arguments: Any) -> Any:
        try:
            return method(estimator, *arguments)
        finally:
            context = vars(estimator).pop("_callback_fit_ctx", None)
            with ExitStack() as stack:  # all of them, and the first error last
                for callback in vars(estimator).pop("_skl_callbacks_to_teardown", ()):
                    stack.callback(callback.teardown, estimator, context)

    return torn_down
