"""Functions that are called after every epoch, and how they answer."""

from collections.abc import Callable, Sequence
from typing import Any

from ..history import EpochRecord

Callback = Callable[[Any, EpochRecord], Any]
"""Called after every epoch with the estimator and its record; a true answer asks for a stop."""
Callbacks = Callback | Sequence[Callback] | None
"""One, several or none."""


def listeners(callbacks: Callbacks) -> tuple[Callback, ...]:
    """Callbacks one by one."""
    if callbacks is None:
        return ()
    return (callbacks,) if callable(callbacks) else tuple(callbacks)


def require(callbacks: Any) -> None:
    """Raise TypeError if one of them cannot be called."""
    whole = isinstance(callbacks, str)  # not letter by letter
    for callback in (callbacks,) if whole else listeners(callbacks):
        if not callable(callback):
            told = "; set_callbacks takes this one" if hasattr(callback, "setup") else ""
            raise TypeError(
                "callbacks must be a callable or a sequence of callables taking "
                f"(estimator, record), got {callback!r}{'' if whole else ' in it'}{told}"
            )


def call(callbacks: Callbacks, estimator: Any, record: EpochRecord) -> bool:
    """Call all of them; return whether one asks for a stop.

    ValueError if an answer is neither true nor false, as an array of several numbers is not.
    """
    answers = [_true(callback, callback(estimator, record)) for callback in listeners(callbacks)]
    return any(answers)


def _true(callback: Callback, answer: Any) -> bool:
    try:
        return bool(answer)
    except Exception as reason:
        raise ValueError(
            f"the callback {callback!r} must return something true to stop or false to go on, got "
            f"{answer!r}"
        ) from reason
