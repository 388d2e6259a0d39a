"""The engine of a small fit, kept on its estimator for the next one of the same kind.

`partial_fit` in a loop then costs its batches: nothing is planned, allocated or recorded anew. What
is kept is memory and machine code and no numbers: every fit reads weights, optimizer and data.
"""

import weakref
from typing import Any

import numpy as np
import scipy.sparse

from ...algorithm.memory import HOST
from ...backends import threads
from ...backends.backend import Backend
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


class KeptEngine(DenseEngine):
    """An engine with data of its own, which other data can take the place of.

    Parameters
    ----------
    estimator, data, batch_size, backend
        As for `DenseEngine`.
    """

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
        self._net.load([*estimator.coefs_, *estimator.intercepts_])
        load_state(self._rule, estimator._optimizer, self._net)
        if self._dropout:
            self._dropout.seen[0] = estimator.t_

    def leave(self) -> None:
        """Forget the estimator, which its kept engine does not keep alive, and its validation."""
        self._estimator = self._evaluation = None


def engine(estimator: Any, data: Data, batch_size: int, backend: Backend) -> DenseEngine:
    """Take the kept engine off its estimator if it is of the right kind, else make one.

    Parameters
    ----------
    estimator, data, batch_size, backend
        As for `DenseEngine`.

    Returns
    -------
    engine : DenseEngine
        `keep` puts it back when the fit is over; nobody else uses it meanwhile.
    """
    found = _kept.pop(id(estimator), (None, None))[1]
    unlike = data.sample_weight is not None or scipy.sparse.issparse(data.X)
    if backend.memory is not HOST or unlike:
        return DenseEngine(estimator, data, batch_size, backend)
    if found is not None and found.kind == _kind(estimator, data, batch_size, backend):
        found.begin_again(estimator, data)
        return found
    small = _bytes(estimator, data, batch_size) <= MAX_BYTES
    return (KeptEngine if small else DenseEngine)(estimator, data, batch_size, backend)


def keep(estimator: Any, engine: Engine | None) -> None:
    """Keep the engine of a fit that is over, if it can serve another."""
    if isinstance(engine, KeptEngine):
        engine.leave()
        key, drop = id(estimator), _kept.pop
        _kept[key] = weakref.ref(estimator, lambda _: drop(key, None)), engine


def kept(estimator: Any) -> KeptEngine | None:
    """Return the engine that is kept for an estimator."""
    return _kept.get(id(estimator), (None, None))[1]


_kept: dict[int, tuple[weakref.ref[Any], KeptEngine]] = {}
"""Engines by the identity of their estimators, which keep nothing: no pickle or copy has them."""


def _kind(estimator: Any, data: Data, batch_size: int, backend: Backend) -> tuple[Any, ...]:
    """All that was fixed when the engine's batches were recorded."""
    state, own = estimator._optimizer, options(estimator)
    return (
        backend.name,
        threads.available(),
        training_dtype(estimator, data.X, data.y, data.sample_weight),
        layer_sizes(estimator),
        formulas(estimator),
        len(data.X),
        data.rows,
        batch_size,
        estimator.alpha,
        own.checkpoint,
        rates(estimator),
        getattr(estimator, "_dropout_key", None),
        *(own.weight_decay, own.clip_norm, own.schedule, own.warmup, estimator.max_iter),
        type(state),
        *(getattr(state, name) for name in solvers.of(state).constants),
    )


def _bytes(estimator: Any, data: Data, batch_size: int) -> int:
    dtype = training_dtype(estimator, data.X, data.y, data.sample_weight)
    sizes = Sizes(layer_sizes(estimator), dtype, HOST, options(estimator).checkpoint)
    return 4 * sizes.parameters + sizes.workspace(batch_size) + sizes.data(len(data.X))
