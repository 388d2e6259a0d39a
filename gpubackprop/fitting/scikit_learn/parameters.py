"""Values of parameters that have passed their checks: a clone with the same ones passes as well.

The checks take a fifth of a short fit, and a search makes them for every model. They depend on a
class, its constraints and plain values alone; of any other value, such as an array or a callback,
which may change without a trace, nothing is remembered.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

_PLAIN = {bool, int, float, str, type(None), np.int64, np.float64}
_MOST = 256
"""Remembered at a time."""

_passed: dict[tuple[Any, ...], dict[str, Any]] = {}
"""Constraints that values have passed."""


def check_once(estimator: Any, check: Callable[[], None]) -> None:
    """Check an estimator's parameters, unless the same values of its class have passed."""
    seen, constraints = _seen(estimator), estimator._parameter_constraints
    if seen is not None and _passed.get(seen) == constraints:
        return
    check()
    if seen is not None:
        if len(_passed) >= _MOST:
            _passed.clear()
        _passed[seen] = dict(constraints)


def _seen(estimator: Any) -> tuple[Any, ...] | None:
    """Class and values, with their types, as True equals 1; None if one is not plain."""
    params = estimator.get_params(deep=False)
    types = tuple(map(_type, params.values()))
    return None if None in types else (type(estimator), *params.items(), *types)


def _type(value: Any) -> Any:
    """Type of a plain value, or the types in a tuple; None for any other."""
    if type(value) is tuple:
        types = tuple(map(type, value))
        return types if _PLAIN.issuperset(types) else None
    return type(value) if type(value) in _PLAIN else None
