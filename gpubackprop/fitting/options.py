"""The parameters that gpubackprop's estimators have on top of scikit-learn's."""

import logging
from functools import cache
from inspect import unwrap
from itertools import takewhile
from types import CodeType
from typing import Any, NamedTuple

from ..algorithm.checkpointing import Checkpoint
from ..callbacks import Callbacks

_log = logging.getLogger("gpubackprop")


class Options(NamedTuple):
    """Parameters of ours, with their defaults."""

    device: str = "auto"
    backend: str = "auto"
    precision: str = "auto"
    callbacks: Callbacks = None
    checkpoint: Checkpoint = None


def options(estimator: Any) -> Options:
    """Read an estimator's, without those whose names its subclass uses for something else."""
    cls: Any = type(estimator)
    named = (name for name in Options._fields if name not in claimed_names(cls))
    return Options(**{name: getattr(estimator, name) for name in named})


def set_options(estimator: Any, **values: Any) -> None:
    """Set the attributes that are the parameters, in a constructor, likewise."""
    cls: Any = type(estimator)
    for name in values.keys() - claimed_names(cls):
        setattr(estimator, name, values[name])


@cache
def claimed_names(cls: Any) -> frozenset[str]:
    """Find the names of ours that a subclass, written for scikit-learn's class, means otherwise.

    It does where its body defines the name, or where its constructor keeps the value itself and
    does not pass it on.
    """
    package = __name__.partition(".")[0]
    subclasses = takewhile(lambda c: c.__module__.partition(".")[0] != package, cls.__mro__)
    claimed = frozenset(
        name
        for subclass in subclasses
        for name in Options._fields
        if name in vars(subclass) or _keeps(vars(subclass).get("__init__"), name)
    )
    for name in sorted(claimed):
        _log.info("%s has a meaning of its own for %r; pass it on to change that", cls, name)
    return claimed


def _keeps(constructor: Any, name: str) -> bool:
    code = getattr(unwrap(constructor), "__code__", None)
    if not isinstance(code, CodeType) or name not in code.co_varnames:
        return False
    keywords = (constant for constant in code.co_consts if isinstance(constant, tuple))
    return name in code.co_names and not any(name in names for names in keywords)
