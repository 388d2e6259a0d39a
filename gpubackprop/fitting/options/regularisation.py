"""Dropout and label smoothing of an estimator, in the terms of the algorithm."""

from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse

from ...algorithm import dropout as algorithm
from ...algorithm.dropout import Dropout
from ...algorithm.memory import Memory
from ...algorithm.parameters import Array
from ...backends.cuda import device_arrays
from .values import Options, options


def require(estimator: Any) -> None:
    """Check the parameters, before any data are seen.

    ValueError if `dropout` does not fit the layers or the solver, or `label_smoothing` is none.
    """
    own, hidden = options(estimator), estimator.hidden_layer_sizes
    dropped = algorithm.rates(own.dropout, len(hidden) if hasattr(hidden, "__len__") else 1)
    if any(dropped) and estimator.solver == "lbfgs":
        raise ValueError(
            f"dropout={own.dropout!r}: the solver 'lbfgs' compares losses of one function, and "
            "dropout makes each another one; use 'adam' or 'sgd'"
        )
    smoothing: Any = own.label_smoothing
    number = isinstance(smoothing, Real) and not isinstance(smoothing, bool)
    if not (number and 0 <= smoothing < 1):
        raise ValueError(f"label_smoothing must be from 0 to below 1, got {smoothing!r}")


def chosen(own: Options) -> dict[str, Any]:
    """Read the options that regularise and are set."""
    read = {"dropout": own.dropout, "label_smoothing": own.label_smoothing}
    return {name: value for name, value in read.items() if np.any(value)}


def refuse_for_sparse(estimator: Any, X: Any) -> None:
    """Raise ValueError if inputs are to be dropped, and X is sparse."""
    if scipy.sparse.issparse(X) and rates(estimator)[0]:
        raise ValueError(
            f"dropout={options(estimator).dropout!r} drops inputs, which sparse X does not go "
            "with: make its first rate 0, or give X.toarray()"
        )


def rates(estimator: Any) -> tuple[float, ...]:
    """Dropout's rates of an initialised estimator's inputs and hidden layers."""
    return algorithm.rates(options(estimator).dropout, len(estimator.coefs_) - 1)


def set_key(estimator: Any) -> None:
    """Draw the key of a new network's masks; one that is trained on keeps its own.

    It comes from a copy of the generator as it stands when the initial weights have been drawn, so
    that a split and shuffles are what they are without dropout.
    """
    if any(rates(estimator)) and (estimator.t_ == 0 or not hasattr(estimator, "_dropout_key")):
        estimator._dropout_key = algorithm.seed(estimator._random_state)


def dropout(estimator: Any, memory: Memory, rows: int) -> Dropout | None:
    """Dropout of the next epoch's batches: `t_` counts the examples seen, as its masks do."""
    key = getattr(estimator, "_dropout_key", 0)
    return Dropout.of(rates(estimator), key, int(estimator.t_), memory, rows)


def smoothed(estimator: Any, Y: Array) -> Array:
    """Move targets away from 0 and 1 by the estimator's `label_smoothing`; 0 returns Y itself.

    (1 - s) Y + s / K for the softmax of K classes, (1 - s) Y + s / 2 for the sigmoid of two, or of
    several labels: as Keras has it (C. Szegedy et al., "Rethinking the Inception architecture for
    computer vision", 2016, section 7).
    """
    s = options(estimator).label_smoothing
    if not s:
        return Y
    ends = Y.shape[1] if estimator.out_activation_ == "softmax" else 2
    targets: Array = (1 - s) * device_arrays.namespace(Y).asarray(Y, dtype="float64") + s / ends
    return targets
