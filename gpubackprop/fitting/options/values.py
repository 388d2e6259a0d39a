"""The parameters that gpubackprop's estimators have on top of scikit-learn's.

scikit-learn's own estimators, where they are accelerated, have the process's choice instead.
"""

import logging
from functools import cache
from inspect import unwrap
from itertools import takewhile
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

from ... import backends
from ...algorithm.checkpointing import Checkpoint
from ...algorithm.dropout import Rates
from ...callbacks import Callbacks
from ...training.schedules import Factor
from . import process_choice

_log = logging.getLogger("gpubackprop")


class Options(NamedTuple):
    """Parameters of ours, with their defaults."""

    device: str = "auto"
    backend: str = "auto"
    precision: str = "auto"
    callbacks: Callbacks = None
    checkpoint: Checkpoint = None
    class_weight: Any = None
    scoring: Any = None
    weight_decay: float | None = None
    schedule: str | Factor | None = None
    warmup: float = 0.0
    clip_norm: float | None = None
    focal_gamma: float = 2.0
    out_activation: str | None = None
    huber_delta: float = 1.0
    quantile: Any = None
    sort_quantiles: bool = False
    dropout: Rates = 0.0
    label_smoothing: float = 0.0


_DEFAULTS = tuple(Options._field_defaults.values())
CHANGE_NO_NUMBERS = frozenset({"device", "backend", "precision", "callbacks", "checkpoint"})
"""Parameters that say how to compute, not what."""
CLASSIFIERS_ALONE = frozenset({"class_weight", "focal_gamma", "label_smoothing"})
"""Parameters that a regressor does not have."""
REGRESSORS_ALONE = frozenset({"out_activation", "huber_delta", "quantile", "sort_quantiles"})
"""Parameters that a classifier does not have."""


def options(estimator: Any) -> Options:
    """Read an estimator's options, without those that its subclass claims for something else."""
    cls: Any = type(estimator)
    if not has_options(cls):
        return _of_the_process(process_choice.current())
    return Options._make(map(vars(estimator).get, _attributes(cls), _DEFAULTS))


def changed(estimator: Any) -> dict[str, Any]:
    """Read those of an estimator's options that are not at their defaults."""
    defaults = Options._field_defaults
    return {
        name: value
        for name, value in options(estimator)._asdict().items()
        if not (value is defaults[name] or np.array_equal(value, defaults[name]))
    }


@cache
def _attributes(cls: Any) -> tuple[str | None, ...]:
    """Name the attribute of each option, None for one that has its default in the whole class."""
    claimed = claimed_names(cls)
    return tuple(None if name in claimed else name for name in Options._fields)


@cache
def has_options(cls: Any) -> bool:
    """Whether a class is gpubackprop's or derived from it, not scikit-learn's alone."""
    return any(map(_is_ours, cls.__mro__))


def _is_ours(cls: Any) -> bool:
    return bool(cls.__module__.partition(".")[0] == __name__.partition(".")[0])


@cache
def _of_the_process(choice: process_choice.ProcessChoice) -> Options:
    try:
        backends.require_known(choice.backend, choice.device, choice.precision)
    except ValueError as error:
        raise ValueError(
            f"{error}, by a call of accelerate or accelerated, or by an environment variable "
            f"{', '.join(process_choice.VARIABLES.values())}"
        ) from None
    return Options(choice.device, choice.backend, choice.precision)


def set_options(estimator: Any, **values: Any) -> None:
    """Set an estimator's options in its constructor, without those that a subclass claims."""
    cls: Any = type(estimator)
    for name in values.keys() - claimed_names(cls):
        setattr(estimator, name, values[name])


def with_defaults(cls: Any, state: dict[str, Any]) -> dict[str, Any]:
    """Complete the state of a model that an earlier version saved, which lacks later options."""
    named = set(cls._get_param_names()) - claimed_names(cls)
    defaults = {name: value for name, value in Options._field_defaults.items() if name in named}
    return {**defaults, **state}


@cache
def claimed_names(cls: Any) -> frozenset[str]:
    """Find the names of ours that a subclass, written for scikit-learn's class, means otherwise.

    It does where its body defines the name, or where its constructor keeps the value itself and
    does not pass it on.
    """
    subclasses = takewhile(lambda c: not _is_ours(c), cls.__mro__)
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
