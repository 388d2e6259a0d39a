"""The methods of scikit-learn's own class that compute, replaced and given back."""

import functools
import logging
import threading
from collections.abc import Callable
from typing import Any

from ..fitting import overrides
from ..fitting.lbfgs import fit_lbfgs
from ..fitting.options.values import has_options
from ..fitting.prediction import forward_pass_fast
from ..fitting.scikit_learn import contract
from ..fitting.stochastic import fit_stochastic
from . import profile

_log = logging.getLogger("gpubackprop")
_lock = threading.Lock()

_STAND_INS: dict[str, Callable[..., Any]] = {
    "_fit_stochastic": fit_stochastic,
    "_fit_lbfgs": fit_lbfgs,
    "_forward_pass_fast": forward_pass_fast,
}
"""What computes, by the name of scikit-learn's method."""

_replaced: dict[str, tuple[Any, Any]] = {}
"""While replaced: scikit-learn's method and the one in its place, by name."""


def install() -> None:
    """Replace the methods, unless this scikit-learn is an unknown one, of which a warning tells."""
    with _lock:
        if _replaced or not contract.is_known():
            return
        base = contract.BaseMultilayerPerceptron
        for name, compute in _STAND_INS.items():
            original = vars(base)[name]
            _replaced[name] = original, _standing_in(original, compute)
            setattr(base, name, _replaced[name][1])
    _log.info("scikit-learn's MLPClassifier and MLPRegressor are accelerated")


def uninstall() -> None:
    """Give scikit-learn its very functions back; what somebody else has put there stays."""
    with _lock:
        base = contract.BaseMultilayerPerceptron
        for name, (original, replacement) in _replaced.items():
            if vars(base)[name] is replacement:
                setattr(base, name, original)
        _replaced.clear()


def is_installed() -> bool:
    """Whether the methods are replaced."""
    return bool(_replaced)


@functools.cache
def _standing_in(original: Any, compute: Callable[..., Any]) -> Any:
    @functools.wraps(original)
    def method(self: Any, *arguments: Any, **named: Any) -> Any:
        cls: Any = type(self)
        if has_options(cls):  # its own methods have called, and want scikit-learn's
            return original(self, *arguments, **named)
        watched = profile.watching(compute)
        return watched(self, functools.partial(original, self), *arguments, **named)

    return overrides.stands_in(method)
