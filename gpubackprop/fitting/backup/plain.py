"""Numbers, names and lists of them in JSON, and back with the very types that they had."""

from typing import Any

import numpy as np

_PLAIN = (type(None), bool, int, float, str)


def encoded(value: Any) -> Any:
    """Turn a number, a name, None or a list of them into what JSON holds; TypeError for others.

    Floating-point numbers are at most of double precision.

    Examples
    --------
    >>> import numpy as np
    >>> from gpubackprop.fitting.backup.plain import encoded
    >>> encoded([np.float32(0.5), np.float32(2)])
    {'float32': [0.5, 2.0]}
    """
    if type(value) in _PLAIN:
        return value
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return {value.dtype.name: _number(value)}
    if type(value) in (list, tuple):
        kinds = {each.dtype.name if isinstance(each, np.generic) else "" for each in value}
        if len(kinds) == 1 and "" not in kinds:
            return {kinds.pop(): [_number(each) for each in value]}
        return [encoded(each) for each in value]
    raise TypeError(f"{value!r} is not a number, a name or a list of them")


def _number(value: Any) -> bool | int | float:
    """Python's number; also a longdouble, which as a loss is a double made longer."""
    kind = {"b": bool, "f": float}.get(value.dtype.kind, int)
    number: bool | int | float = kind(value)
    return number


def decoded(value: Any) -> Any:
    """Turn what JSON holds back into the value; ValueError if it is none of ours."""
    if type(value) in _PLAIN:
        return value
    if type(value) is list:
        return [decoded(each) for each in value]
    if type(value) is dict and len(value) == 1:
        ((name, numbers),) = value.items()
        kind = np.dtype(name)
        if kind.kind in "biuf":
            several = type(numbers) is list
            made = [kind.type(number) for number in (numbers if several else [numbers])]
            return made if several else made[0]
    raise ValueError(f"{value!r} is not a number, a name or a list of them")
