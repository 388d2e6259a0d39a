"""Callbacks: functions for the parameter `callbacks`, and ready ones for `set_callbacks`.

Examples
--------
>>> from sklearn.datasets import load_digits
>>> from gpubackprop import MLPClassifier
>>> from gpubackprop.callbacks import StopAfter, StopAtTarget
>>> X, y = load_digits(return_X_y=True)
>>> model = MLPClassifier(random_state=0).set_callbacks(StopAtTarget(loss=0.1), StopAfter(60))
>>> bool(model.fit(X / 16, y).loss_ < 0.1)
True
"""

from ..history import EpochRecord
from .epochs import EpochCallback
from .functions import Callback, Callbacks, call, listeners, require
from .progress import ProgressBar
from .stopping import StopAfter, StopAtTarget
from .writers import MLflowWriter, TensorBoardWriter

__all__ = [
    "Callback",
    "Callbacks",
    "EpochCallback",
    "EpochRecord",
    "MLflowWriter",
    "ProgressBar",
    "StopAfter",
    "StopAtTarget",
    "TensorBoardWriter",
    "call",
    "listeners",
    "require",
]
