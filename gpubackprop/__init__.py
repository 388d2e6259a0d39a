"""scikit-learn's multi-layer perceptrons: the same API, the same numbers, several times faster.

Examples
--------
>>> from gpubackprop import MLPClassifier
>>> model = MLPClassifier(hidden_layer_sizes=(32,), max_iter=10)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .callbacks import EpochRecord as EpochRecord
    from .estimators import MLPClassifier as MLPClassifier
    from .estimators import MLPRegressor as MLPRegressor
    from .gradient_check import check_gradients as check_gradients
    from .network import Network as Network

_HOMES = {
    "EpochRecord": ".callbacks",
    "MLPClassifier": ".estimators",
    "MLPRegressor": ".estimators",
    "Network": ".network",
    "check_gradients": ".gradient_check",
}

__all__ = ["EpochRecord", "MLPClassifier", "MLPRegressor", "Network", "check_gradients"]
__all__ += ["__version__"]


def __getattr__(name: str) -> Any:
    """Import a public name's module when the name is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
