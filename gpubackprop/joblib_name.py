"""joblib knows the backend "gpubackprop" by its name, whichever of the two is imported first."""

from .after_import import after_import

TYPE_CHECKING = False  # the module `typing` takes as long to import as Python to start
if TYPE_CHECKING:
    from typing import Any

    from .joblib_backend import FitsInThreads


def make_known() -> None:
    """Tell joblib the name, now or once it is imported."""
    after_import("joblib", _register)


def _register() -> None:
    import joblib

    joblib.register_parallel_backend("gpubackprop", _chosen)


def _chosen(**arguments: "Any") -> "FitsInThreads":
    """Make the backend; its module is not imported before."""
    from .joblib_backend import FitsInThreads

    return FitsInThreads(**arguments)
