"""What a fit has come to: all that decides how it goes on."""

from typing import Any, NamedTuple

import numpy as np

from ...algorithm.parameters import Array
from ...history import EpochRecord, History
from ..callbacks.changes import CHANGEABLE
from ..epoch_loop import Engine
from . import generator
from .facts import Facts
from .plain import decoded, encoded

HISTORY = {
    "n_iter_": int,
    "t_": int,
    "_no_improvement_count": int,
    "loss_": float,
    "best_loss_": float,
    "best_validation_score_": float,
    "loss_curve_": list,
    "validation_scores_": list,
}
"""Attributes that an epoch changes in an estimator, and their types; absent or None in some."""
_OF_EACH_STEP = {"t", "learning_rate", "learning_rate_init"}
"""Numbers of an optimizer that no batch has built in."""


class FitState(NamedTuple):
    """The state of a fit between two epochs."""

    description: dict[str, Any]
    """What JSON holds: facts, generators, history, optimizer and changed parameters."""
    arrays: dict[str, Array]
    """Order of the rows, what the engine computes with, and the best weights."""

    @property
    def facts(self) -> Facts:
        """Which fit it is of."""
        return {str(name): str(value) for name, value in self.description["facts"].items()}


def collect(
    estimator: Any, engine: Engine, order: Array, facts: Facts, start: Any, before: dict[str, Any]
) -> FitState:
    """Take the state of a fit between two epochs.

    `start` is the generator's state before rows were held out, `before` the changeable parameters
    as fit found them. Arrays may be the engine's own: write them before the next epoch.
    """
    now = parameters(estimator)
    description = {
        "facts": facts,
        "start": start,
        "generator": generator.state_of(estimator._random_state),
        "history": {name: encoded(getattr(estimator, name, None)) for name in HISTORY},
        "records": [encoded(list(record)) for record in getattr(estimator, "history_", ())],
        "parameters": {k: encoded(now[k]) for k in now if now[k] != before[k]},
        "optimizer": {k: encoded(v) for k, v in _numbers(estimator._optimizer).items()},
    }
    arrays = {"order": order.astype(np.min_scalar_type(order.max(initial=0)))}
    arrays |= {f"engine {i}": array for i, array in enumerate(engine.state())}
    arrays |= {f"best {i}": array for i, array in enumerate(_best(estimator))}
    return FitState(description, arrays)


def restore(state: FitState, estimator: Any, engine: Engine, order: Array) -> None:
    """Put the estimator, engine and order of the same fit, in place, into a state.

    ValueError, KeyError or TypeError if something of it is not as it must be.
    """
    described = state.description
    rows = _permutation(state.arrays["order"], order)
    saved = _like(engine.state(), state.arrays, "engine")
    weights = estimator.coefs_ + estimator.intercepts_
    best = _like(weights, state.arrays, "best") if "best 0" in state.arrays else None
    history = _history(described["history"])
    records = History(_record(values) for values in described["records"])
    numbers = _decoded(described["optimizer"], _numbers(estimator._optimizer))
    changed = _decoded(described["parameters"], parameters(estimator))
    rebuilt = bool(changed) or _built_in(numbers) != _built_in(_numbers(estimator._optimizer))
    generator.set_state(estimator._random_state, described["generator"])
    order[...] = rows
    vars(estimator).update(changed, **history)
    if hasattr(estimator, "history_"):
        estimator.history_ = records
    vars(estimator._optimizer).update(numbers)
    if best is not None:
        copies, depth = [array.copy() for array in best], len(estimator.coefs_)
        estimator._best_coefs, estimator._best_intercepts = copies[:depth], copies[depth:]
    if rebuilt:
        engine.begin()
    engine.set_state(saved)


def parameters(estimator: Any) -> dict[str, Any]:
    """Read the parameters that callbacks may change."""
    return {name: getattr(estimator, name) for name in CHANGEABLE if hasattr(estimator, name)}


def _numbers(optimizer: Any) -> dict[str, Any]:
    """Read the numbers and names in scikit-learn's optimizer; its arrays are the engine's."""
    return {k: v for k, v in vars(optimizer).items() if not isinstance(v, list)}


def _built_in(numbers: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in numbers.items() if name not in _OF_EACH_STEP}


def _best(estimator: Any) -> list[Array]:
    """Copies of the best weights; none yet in a warm start, where the best may be the live ones."""
    if not estimator.early_stopping or estimator._best_coefs is estimator.coefs_:
        return []
    return [*estimator._best_coefs, *estimator._best_intercepts]


def _permutation(rows: Array, order: Array) -> Array:
    """Require the numbers of the rows to train on, in any order."""
    if rows.dtype.kind != "u" or not np.array_equal(np.sort(rows), np.sort(order)):
        raise ValueError("its order of the rows is none")
    return rows


def _like(expected: list[Array], arrays: dict[str, Array], name: str) -> list[Array]:
    """Find arrays by their name and number, of the shapes and types that are expected."""
    found = [arrays[f"{name} {i}"] for i in range(len(expected))]
    for array, like in zip(found, expected, strict=True):
        if (array.shape, array.dtype) != (like.shape, like.dtype):
            raise ValueError(f"arrays of {array.shape} {array.dtype}, expected {like.shape}")
    return found


def _history(described: dict[str, Any]) -> dict[str, Any]:
    history = {name: decoded(described[name]) for name in HISTORY}
    for name, value in history.items():
        kinds = (float, np.floating, int) if HISTORY[name] is float else (HISTORY[name],)
        if value is not None and not isinstance(value, kinds):
            raise ValueError(f"its {name} is {value!r}")
        if isinstance(value, list) and not all(isinstance(v, (float, np.floating)) for v in value):
            raise ValueError(f"its {name} holds other things than numbers")
    return {name: value for name, value in history.items() if value is not None}


def _record(described: Any) -> EpochRecord:
    values = decoded(described)
    if not all(value is None or isinstance(value, (int, float, np.number)) for value in values):
        raise ValueError(f"its record of an epoch is {values!r}")
    return EpochRecord(*values)


def _decoded(described: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Decode values of names that are known."""
    unknown = described.keys() - known.keys()
    if unknown:
        raise ValueError(f"it has values of {', '.join(sorted(unknown))}")
    return {name: decoded(value) for name, value in described.items()}
