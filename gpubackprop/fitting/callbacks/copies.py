"""Callbacks of a model that is cloned, copied or pickled.

They are copied with it, so that each fold of a cross-validation has its own. What cannot be copied,
such as one that holds a lock or an open file, is shared; what cannot be pickled is left out of a
fitted model's pickle, which can predict without.
"""

import copy
import io
import operator
import pickle
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from joblib.externals.loky.backend.reduction import get_loky_pickler
from sklearn.base import BaseEstimator, clone

from ...callbacks import Callback, Callbacks, listeners


def cloned(callbacks: Callbacks) -> Callbacks:
    """Clone callbacks as scikit-learn does a parameter; `__sklearn_clone__` may return itself."""
    return _copied(callbacks, partial(clone, safe=False))


def _copied(callbacks: Callbacks, copied: Callable[[Callback], Callback]) -> Callbacks:
    """Copy each alone, in a sequence of the same kind; share what cannot be copied."""

    def own_or_shared(callback: Callback) -> Callback:
        try:
            return copied(callback)
        except Exception:  # a copy may fail in any way
            return callback

    if isinstance(callbacks, (list, tuple)):
        return type(callbacks)(map(own_or_shared, callbacks))
    return None if callbacks is None else own_or_shared(callbacks)  # type: ignore[arg-type]


class Portable:
    """Callbacks in the state of a model that is copied or pickled.

    A `fitted` model is of use without those that cannot be pickled.
    """

    def __init__(self, callbacks: Callbacks, fitted: bool) -> None:
        self.callbacks, self._fitted = callbacks, fitted

    def __deepcopy__(self, memo: dict[int, Any]) -> Callbacks:
        return _copied(self.callbacks, partial(copy.deepcopy, memo=memo))

    def __reduce__(self) -> tuple[Any, ...]:
        require = _that_can_be_pickled if self._fitted else _that_workers_can_have
        kept = require(self.callbacks)
        return operator.getitem, ([kept], 0)  # in a pickle stand the callbacks alone


def _that_can_be_pickled(callbacks: Callbacks) -> Callbacks:
    """Return the callbacks, without those that are left out and warned of."""
    kept = [callback for callback in listeners(callbacks) if _can_be_pickled(callback)]
    if len(kept) == len(listeners(callbacks)):
        return callbacks
    return kept or None


def _that_workers_can_have(callbacks: Callbacks) -> Callbacks:
    """Return the callbacks, or raise an error that names one which no pickler takes."""
    for callback in listeners(callbacks):
        try:
            _TrialForWorkers(io.BytesIO()).dump(callback)
        except Exception as reason:
            raise pickle.PicklingError(
                f"the callback {callback!r} cannot be pickled ({reason}): set callbacks=None "
                "before, or give its class a __getstate__ that leaves out what cannot"
            ) from reason
    return callbacks


def _can_be_pickled(callback: Callback) -> bool:
    try:
        _Trial(io.BytesIO()).dump(callback)
    except Exception as reason:
        warnings.warn(
            f"the callback {callback!r} cannot be pickled ({reason}) and is left out: the model "
            "predicts and trains on without it. A function at the top of a module can be pickled.",
            UserWarning,
            stacklevel=2,
        )
        return False
    return True


class _WithoutModels:
    """Lets a pickler take a callback, but no model that it holds, which may hold it again."""

    def persistent_id(self, obj: Any) -> str | None:
        return "model" if isinstance(obj, BaseEstimator) else None


class _Trial(_WithoutModels, pickle.Pickler):
    """Takes what every pickle can hold."""


class _TrialForWorkers(_WithoutModels, get_loky_pickler()):  # type: ignore[misc]
    """Takes functions of a notebook as well, as joblib does on the way to other processes."""
