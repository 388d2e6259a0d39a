"""Warnings that point into scikit-learn's module, where filters by module look for them."""

import sys
import warnings

from ...distributed.current import is_first
from .contract import mlp


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn from the line of scikit-learn's module that has called, however many calls ago.

    Of several ranks that train together, the first one warns.
    """
    if not is_first():
        return
    frame, level = sys._getframe(1), 2
    while frame.f_globals.get("__name__") != mlp.__name__ and frame.f_back is not None:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
