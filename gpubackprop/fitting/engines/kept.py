"""The engines of small fits, kept for the next fits of the same kind, of whichever estimator.

`partial_fit` in a loop, the folds of a search and the members of an ensemble then cost their
batches: nothing is planned, allocated or recorded anew. What is kept is memory and machine code and
no numbers: every fit reads weights, optimizer and data.
"""

from collections import deque
from typing import Any

import numpy as np
import scipy.sparse

from ...algorithm.memory import HOST
from ...backends import threads
from ...backends.backend import Backend
from ...training.epochs import Epochs
from ...training.memory_plan import Sizes
from .. import solvers
from ..conversion import formulas, layer_sizes, load_state, targets, training_dtype
from ..epoch_loop import Engine
from ..options.regularisation import rates
from ..options.values import options
from ..rows import Data
from .dense import DenseEngine

MAX_BYTES = 4 << 20
"""Bytes of an engine, its data included, that is kept."""

engines: deque["KeptEngine"] = deque(maxlen=8)
"""Kept while no fit uses them; the one that has waited longest goes first.

Its methods are atomic: of two threads one gets an engine.
"""


class KeptEngine(DenseEngine):
    """An engine with data of its own, which other data can take the place of.

    Parameters
    ----------
    estimator, data, batch_size, backend
        As for `DenseEngine`.
    """

    _epochs: Epochs

    def __init__(self, estimator: Any, data: Data, batch_size: int, backend: Backend) -> None:
        dtype = training_dtype(estimator, data.X, data.y, data.sample_weight)
        self._X = np.array(data.X, dtype=dtype, order="C")
        self._Y = np.array(targets(estimator, data.y, dtype))
        own = Data(self._X, self._Y, None, numbers=data.numbers)
        super().__init__(estimator, own, batch_size, backend)

    def begin(self) -> None:
        """Start from the estimator as it is now."""
        self.kind = _kind(self._estimator, self._data, self._batch_size, self._backend)
        super().begin()

    def begin_again(self, estimator: Any, data: Data) -> None:
        """Take the weights, the optimizer's state and the data of another fit of this kind."""
        self._X[...] = data.X
        self._Y[...] = targets(estimator, data.y, self._Y.dtype)
        self._estimator = estimator
        self._epochs.penalize(estimator.alpha)
        self._net.load([*estimator.coefs_, *estimator.intercepts_])
        load_state(self._rule, estimator._optimizer, self._moments)
        if self._dropout:
            self._dropout.seen[0] = estimator.t_

    def leave(self) -> None:
        """Forget the estimator, which a kept engine does not keep alive, and its validation."""
        self._estimator = self._evaluation = None


def engine(estimator: Any, data: Data, batch_size: int, backend: Backend) -> DenseEngine:
    """Take a kept engine of the right kind, else make one.

    Parameters
    ----------
    estimator, data, batch_size, backend
        As for `DenseEngine`.

    Returns
    -------
    engine : DenseEngine
        `keep` puts it back when the fit is over; nobody else uses it meanwhile.
    """
    unlike = data.sample_weight is not None or scipy.sparse.issparse(data.X)
    if backend.memory is not HOST or unlike:
        return DenseEngine(estimator, data, batch_size, backend)
    found = _take(_kind(estimator, data, batch_size, backend))
    if found is not None:
        found.begin_again(estimator, data)
        return found
    small = _bytes(estimator, data, batch_size) <= MAX_BYTES
    return (KeptEngine if small else DenseEngine)(estimator, data, batch_size, backend)


def _take(kind: tuple[Any, ...]) -> KeptEngine | None:
    for each in reversed(list(engines)):
        if each.kind == kind:
            try:
                engines.remove(each)
            except ValueError:  # another thread has taken it
                continue
            return each
    return None


def keep(engine: Engine | None) -> None:
    """Keep the engine of a fit that is over, if it can serve another."""
    if isinstance(engine, KeptEngine):
        engine.leave()
        engines.append(engine)


def _kind(estimator: Any, data: Data, batch_size: int, backend: Backend) -> tuple[Any, ...]:
    """All that was fixed when the engine's batches were recorded."""
    state, own = estimator._optimizer, options(estimator)
    constants = (getattr(state, name) for name in solvers.of(state).constants)
    recorded = (own.weight_decay, own.clip_norm, own.schedule, own.warmup, *constants)
    return (
        backend.name,
        threads.available(),
        training_dtype(estimator, data.X, data.y, data.sample_weight),
        layer_sizes(estimator),
        formulas(estimator),
        len(data.X),
        data.rows,
        batch_size,
        own.checkpoint,
        rates(estimator),
        getattr(estimator, "_dropout_key", None),
        estimator.max_iter if own.schedule or own.warmup else None,
        type(state),
        # NumPy rounds 0.9 to float32 to compare it with one: they would be equal
        *((type(each), each) for each in recorded),
    )


def _bytes(estimator: Any, data: Data, batch_size: int) -> int:
    dtype = training_dtype(estimator, data.X, data.y, data.sample_weight)
    sizes = Sizes(layer_sizes(estimator), dtype, HOST, options(estimator).checkpoint)
    return 4 * sizes.parameters + sizes.workspace(batch_size) + sizes.data(len(data.X))
