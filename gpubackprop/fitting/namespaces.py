"""Arrays of other libraries on the CPU, such as PyTorch's, where `array_api_dispatch` is on.

They are read through DLPack, without a copy, and predictions are arrays of the caller's library.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any

import numpy as np
from sklearn import config_context, get_config

from ..backends.cuda.device_arrays import on_gpu
from .scikit_learn.contract import MLPClassifier, get_namespace


def as_numpy(array: Any) -> Any:
    """Read an array of another library on the CPU in the same memory, where scikit-learn would.

    Anything else, an array on a GPU among it, is returned itself. RuntimeError, in scikit-learn's
    words, if the environment's SCIPY_ARRAY_API is not 1.
    """
    if isinstance(array, np.ndarray) or not _is_dispatching() or on_gpu(array):
        return array
    return np.from_dlpack(array) if get_namespace(array)[1] else array


def in_numpy() -> AbstractContextManager[Any]:
    """Return what lets scikit-learn's code read all arrays as NumPy's within a `with`."""
    return config_context(array_api_dispatch=False) if _is_dispatching() else nullcontext()


def _is_dispatching() -> bool:
    return bool(get_config()["array_api_dispatch"])


def _in_callers_library(original: Callable[..., Any]) -> Any:
    """Return a method with the name and text of scikit-learn's whose result is an array like X."""

    @wraps(original)
    def method(self: Any, X: Any) -> Any:
        inherited = getattr(super(AnyLibrary, self), original.__name__)
        if isinstance(X, np.ndarray) or not _is_dispatching():
            return inherited(X)
        values, (library, is_known) = as_numpy(X), get_namespace(X)
        with in_numpy():
            y_hat = inherited(values)
        # labels such as strings are NumPy's alone
        return library.from_dlpack(y_hat) if is_known and y_hat.dtype.kind in "biuf" else y_hat

    return method


class AnyLibrary:
    """Predicts arrays of the library that X is of; stands before all other classes."""

    predict = _in_callers_library(MLPClassifier.predict)


class ClassifierOfAnyLibrary(AnyLibrary):
    """Predicts labels and probabilities in the library of X."""

    predict_proba = _in_callers_library(MLPClassifier.predict_proba)
    predict_log_proba = _in_callers_library(MLPClassifier.predict_log_proba)
