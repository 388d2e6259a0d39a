"""scikit-learn's multi-layer perceptrons: the same API, the same numbers, several times faster.

Examples
--------
>>> from gpubackprop import MLPClassifier
>>> model = MLPClassifier(hidden_layer_sizes=(32,), max_iter=10)
"""

from . import joblib_name
from ._version import __version__

TYPE_CHECKING = False  # the module `typing` takes as long to import as Python to start
if TYPE_CHECKING:
    from typing import Any

    from .accelerator.notebook import load_ipython_extension as load_ipython_extension
    from .accelerator.notebook import unload_ipython_extension as unload_ipython_extension
    from .accelerator.switch import accelerate as accelerate
    from .accelerator.switch import accelerated as accelerated
    from .accelerator.switch import stop_accelerating as stop_accelerating
    from .displays import LossCurveDisplay as LossCurveDisplay
    from .distributed.block import data_parallel as data_parallel
    from .estimators import MLPClassifier as MLPClassifier
    from .estimators import MLPRegressor as MLPRegressor
    from .fitting.backup.callback import Backup as Backup
    from .gradient_check import check_gradients as check_gradients
    from .history import EpochRecord as EpochRecord
    from .history import History as History
    from .network import Network as Network
    from .rows_on_disk import mapped_rows as mapped_rows

_HOMES = {
    "Backup": ".fitting.backup.callback",
    "EpochRecord": ".history",
    "History": ".history",
    "LossCurveDisplay": ".displays",
    "MLPClassifier": ".estimators",
    "MLPRegressor": ".estimators",
    "Network": ".network",
    "accelerate": ".accelerator.switch",
    "accelerated": ".accelerator.switch",
    "check_gradients": ".gradient_check",
    "data_parallel": ".distributed.block",
    "load_ipython_extension": ".accelerator.notebook",
    "mapped_rows": ".rows_on_disk",
    "stop_accelerating": ".accelerator.switch",
    "unload_ipython_extension": ".accelerator.notebook",
}

__all__ = ["Backup", "EpochRecord", "History", "LossCurveDisplay", "MLPClassifier", "MLPRegressor"]
__all__ += ["Network", "__version__", "accelerate", "accelerated", "check_gradients"]
__all__ += ["data_parallel", "mapped_rows", "stop_accelerating"]

joblib_name.make_known()


def __getattr__(name: str) -> "Any":
    """Import a public name's module when the name is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name], __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
