"""Whether an estimator computes what scikit-learn's own code does, or something that a user wrote.

The engine stands for scikit-learn's methods, formulas and optimizers. Where a subclass or a patch
changes one of them, that code must run, so scikit-learn's trains and predicts.
"""

import logging
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import scipy.sparse
from numpy.lib.array_utils import byte_bounds

from ..backends.cuda.device_arrays import on_gpu
from . import solvers
from .options import regularisation
from .options.formula_names import (
    hidden_names,
    is_asked_for,
    is_our_loss,
    is_ours_alone,
    known_to_scikit_learn,
    ours_alone,
)
from .options.values import has_options, options
from .scikit_learn.contract import (
    FULL_BATCH,
    OPTIMIZER_METHODS,
    PAIRINGS,
    PREDICTION,
    TABLES,
    TRAINING,
    VALIDATION,
    WHOLE_FIT,
    MLPClassifier,
    MLPRegressor,
    Reliance,
    mlp,
)

_log = logging.getLogger("gpubackprop")

SPARSE = "sparse X is left to the CPU"
"""Reason to leave a fit or a prediction to scikit-learn's own code."""

Method = TypeVar("Method")
_stand_ins: dict[int, Any] = {}
"""The engine's methods by their identities, which nothing else can have while they live."""


def stands_in(method: Method) -> Method:
    """Mark a method that computes what scikit-learn's of the same name does.

    One that is put into scikit-learn's own class has the method before it as `__wrapped__`.
    """
    _stand_ins[id(method)] = method
    return method


def in_fit(estimator: Any) -> str | None:
    """Find what keeps a fit from being checked and begun in fewer steps.

    A user's own `_fit` has run by now, unless it stands between scikit-learn's and ours.
    """
    for name, original in WHOLE_FIT.methods.items():
        if _below_ours(type(estimator), name) is not original:
            return f"{name} of scikit-learn was replaced"
    return _in_module(WHOLE_FIT)


def in_class(estimator: Any) -> str | None:
    """Find what keeps the engine from training an estimator, though it is not initialised."""
    return _in_code(estimator, FULL_BATCH if estimator.solver == "lbfgs" else TRAINING)


def in_training(estimator: Any, X: Any) -> str | None:
    """Find what keeps the engine from training an initialised estimator by mini-batches."""
    if scipy.sparse.issparse(X) and options(estimator).device.startswith("cuda"):
        return SPARSE
    return (
        _in_code(estimator, TRAINING)
        or _in_formulas(estimator)
        or _in_optimizer(estimator)
        or _in_weights(estimator)
        or _in_memory(estimator)
        or _in_history(estimator)
    )


def in_full_batch(estimator: Any, X: Any) -> str | None:
    """Find what keeps the engine from computing loss and gradient for L-BFGS, likewise."""
    if scipy.sparse.issparse(X):
        return SPARSE
    return _in_code(estimator, FULL_BATCH) or _in_formulas(estimator) or _in_weights(estimator)


def in_prediction(estimator: Any) -> str | None:
    """Find what keeps the engine from predicting, likewise."""
    return _in_code(estimator, PREDICTION) or _in_formulas(estimator) or _in_weights(estimator)


def in_validation(estimator: Any) -> str | None:
    """Find what keeps examples and targets from being checked in fewer steps, likewise."""
    cls = MLPClassifier if isinstance(estimator, MLPClassifier) else MLPRegressor
    return _in_code(estimator, VALIDATION[cls])


def hand_down(estimator: Any, X: Any, reason: str) -> None:
    """Say why scikit-learn's own code takes over.

    ValueError if the estimator's parameter asked for a GPU, X lies on one, or the activation, the
    solver, the order of the rows, an option of its steps, dropout or label smoothing is one that
    scikit-learn's code does not have.
    """
    cls: Any = type(estimator)
    own = options(estimator)
    if on_gpu(X):
        raise ValueError(
            f"X is on a GPU: {reason}, where scikit-learn's own code runs; give X.get()"
        )
    if has_options(cls) and own.device.startswith("cuda"):
        raise ValueError(
            f"device={own.device!r}: {reason}, where scikit-learn's own code runs; "
            "use device='auto' or 'cpu'"
        )
    require_known(estimator, reason)
    refuse_solver(estimator, reason)
    if isinstance(estimator.shuffle, str):
        raise _lacking(f"shuffle={estimator.shuffle!r}", reason, "order; use True or False")
    chosen = {**solvers.chosen(own), **regularisation.chosen(own)}
    if chosen:
        raise _lacking(solvers.said(chosen), reason, "option; leave it out")
    tell(estimator, reason)


def tell(estimator: Any, reason: str) -> None:
    """Log why scikit-learn's own code takes over; sparse X is nothing unusual."""
    level = logging.DEBUG if reason == SPARSE else logging.INFO
    _log.log(level, "%s is left to scikit-learn's own code: %s", type(estimator).__name__, reason)


def require_known(estimator: Any, reason: str) -> None:
    """Raise ValueError if scikit-learn's code, which takes over, lacks an activation or loss."""
    name = ours_alone(estimator)
    if name is not None:
        known = f"{name}; use {known_to_scikit_learn(estimator, name)}"
        raise _lacking(f"{name}={getattr(estimator, name)!r}", reason, known)


def refuse_solver(estimator: Any, reason: str) -> None:
    """Raise ValueError if scikit-learn's code, which takes over, lacks the solver."""
    if estimator.solver in solvers.OWN:
        raise _lacking(f"solver={estimator.solver!r}", reason, "solver; use 'adam' or 'sgd'")


def _lacking(said: str, reason: str, what: str) -> ValueError:
    """Error about a choice that scikit-learn's code, which takes over, does not have."""
    return ValueError(
        f"{said}: {reason}, where scikit-learn's own code runs, which has no such {what}"
    )


def _in_code(estimator: Any, reliance: Reliance) -> str | None:
    cls: Any = type(estimator)
    own = vars(estimator)
    for name, original in reliance.methods.items():
        if name in own or _beyond_ours(cls, name) is not original:
            return f"{cls.__name__} has a {name} of its own"
    return _in_module(reliance) or _in_attributes(cls, reliance)


def _in_module(reliance: Reliance) -> str | None:
    module = vars(mlp)
    for name, original in reliance.names.items():
        if module.get(name) is not original:
            return f"{name} of {mlp.__name__} was replaced"
    return None


def _in_attributes(cls: Any, reliance: Reliance) -> str | None:
    if reliance.attributes and (
        cls.__setattr__ is not object.__setattr__
        or cls.__getattribute__ is not object.__getattribute__
    ):
        return f"{cls.__name__} has attributes in a way of its own"
    for name in reliance.attributes:
        found = getattr(cls, name, None)
        if found is not None and hasattr(found, "__set__"):
            return f"{cls.__name__} has {name} in a way of its own"
    return None


def _beyond_ours(cls: type, name: str) -> Any:
    """Look a method up as if the engine replaced none."""
    seen = getattr(cls, name, None)
    return _below_ours(cls, name) if id(seen) in _stand_ins else seen


def _below_ours(cls: type, name: str) -> Any:
    """Look up the method that one of the engine's would call if it computed nothing."""
    is_below = False
    for each in cls.__mro__:
        found = each.__dict__.get(name)
        if id(found) in _stand_ins:
            is_below, found = True, getattr(found, "__wrapped__", None)
        if is_below and found is not None:
            return found
    return None


def _in_formulas(estimator: Any) -> str | None:
    output, loss = estimator.out_activation_, estimator.loss
    if (loss, output) not in PAIRINGS and not is_asked_for(estimator):
        return f"loss {loss!r} with output activation {output!r} has no formula of scikit-learn's"
    if output == "softmax" and estimator.n_outputs_ == 1:
        return "softmax of one output has no formula of scikit-learn's"
    binary = (loss, output) == ("log_loss", "logistic")
    uses = [] if is_our_loss(loss) else [("LOSS_FUNCTIONS", "binary_log_loss" if binary else loss)]
    uses += [("ACTIVATIONS", name) for name in {*hidden_names(estimator), output}]
    uses += [("DERIVATIVES", name) for name in hidden_names(estimator)]
    uses = [use for use in uses if not is_ours_alone(use[1])]
    for table, name in uses:
        original = TABLES[table].get(name)
        if original is None or getattr(mlp, table).get(name) is not original:
            return f"{table}[{name!r}] is not scikit-learn's own"
    return None


def _in_optimizer(estimator: Any) -> str | None:
    for optimizer, methods in OPTIMIZER_METHODS.items():
        for name, original in methods.items():
            if getattr(optimizer, name) is not original:
                return f"{name} of {optimizer.__name__} was replaced"
    state = estimator._optimizer
    if type(state) in solvers.OWN.values():
        return None
    own = OPTIMIZER_METHODS.get(type(state))
    if own is None or not own.keys().isdisjoint(vars(state)):
        return f"the optimizer, a {type(state).__name__}, is not scikit-learn's own"
    return None


def _in_weights(estimator: Any) -> str | None:
    """Find weights that are more than numbers in arrays."""
    if type(estimator.coefs_) is not list or type(estimator.intercepts_) is not list:
        return "the weights are not in plain lists"
    for array in estimator.coefs_ + estimator.intercepts_:
        if type(array) not in (np.ndarray, np.memmap) or array.dtype.char not in "fd":
            return f"weights are {type(array).__name__} of {getattr(array, 'dtype', 'no type')}"
    return None


def _in_memory(estimator: Any) -> str | None:
    """Find arrays that overlap, so that one's update is another's too."""
    arrays = estimator.coefs_ + estimator.intercepts_
    if len({id(array) for array in arrays if array.base is None}) == len(arrays):
        return None  # each has memory of its own, as after scikit-learn's `_initialize`
    bounds = sorted(map(byte_bounds, arrays))
    if any(end > start for (_, end), (start, _) in pairwise(bounds)):
        return "weights share memory"
    return None


def _in_history(estimator: Any) -> str | None:
    for name in ("loss_curve_", "validation_scores_"):
        if type(getattr(estimator, name, None)) not in (list, type(None)):
            return f"{name} is not a plain list"
    return None
