"""The methods of scikit-learn's own class that compute, replaced and given back."""

import functools
import logging
import threading
from collections.abc import Callable
from typing import Any

from sklearn.utils.parallel import Parallel

from ..fitting import overrides
from ..fitting.labels import validate_input
from ..fitting.lbfgs import fit_lbfgs
from ..fitting.options.values import has_options
from ..fitting.prediction import forward_pass_fast
from ..fitting.scikit_learn import contract
from ..fitting.stochastic import fit_stochastic
from ..fitting.whole_fit import fit
from . import profile, searches

_log = logging.getLogger("gpubackprop")
_lock = threading.Lock()

_Place = tuple[type, str]
"""scikit-learn's class and the name of a method in its body."""

_STAND_INS: dict[_Place, Callable[..., Any]] = {
    (contract.BaseMultilayerPerceptron, "_fit"): fit,
    (contract.BaseMultilayerPerceptron, "_fit_stochastic"): fit_stochastic,
    (contract.BaseMultilayerPerceptron, "_fit_lbfgs"): fit_lbfgs,
    (contract.BaseMultilayerPerceptron, "_forward_pass_fast"): forward_pass_fast,
    (contract.MLPClassifier, "_validate_input"): validate_input,
    (contract.MLPRegressor, "_validate_input"): validate_input,
}
"""What stands for each of scikit-learn's methods."""

_replaced: dict[_Place, tuple[Any, Any]] = {}
"""While replaced: scikit-learn's method and the one in its place."""


def install() -> None:
    """Replace the methods, unless this scikit-learn is an unknown one, of which a warning tells."""
    with _lock:
        if _replaced or not contract.is_known():
            return
        for (cls, name), compute in _STAND_INS.items():
            _replace(cls, name, _standing_in(vars(cls)[name], compute))
        _replace(Parallel, "__call__", searches.preferring_threads(vars(Parallel)["__call__"]))
    _log.info("scikit-learn's MLPClassifier and MLPRegressor are accelerated")


def _replace(cls: type, name: str, replacement: Any) -> None:
    _replaced[cls, name] = vars(cls)[name], replacement
    setattr(cls, name, replacement)


def uninstall() -> None:
    """Give scikit-learn its very functions back; what somebody else has put there stays."""
    with _lock:
        for (cls, name), (original, replacement) in _replaced.items():
            if vars(cls)[name] is replacement:
                setattr(cls, name, original)
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
