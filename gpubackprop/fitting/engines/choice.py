"""Which engine computes the epochs of a fit, and where."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import scipy.sparse

from ... import backends
from ...backends import Backend, Choice, Work
from ...backends.cuda.device_arrays import device_for
from ..options.values import options
from ..ranks import replicas
from ..rows import Data
from . import kept
from .dense import DenseEngine
from .of_ranks import RankEngine


def engine(
    estimator: Any, data: Data, batch_size: int, incremental: bool
) -> AbstractContextManager[DenseEngine]:
    """Begin an engine for a fit, or for one epoch of `partial_fit`."""
    make: Callable[[Backend], DenseEngine]
    if data.deal is not None:
        make = partial(RankEngine, estimator, data, batch_size, data.deal)
    else:
        make = partial(kept.engine, estimator, data, batch_size)
    epochs = 1 if incremental else estimator.max_iter
    return backends.begun(choice(estimator, data.X, batch_size, epochs), make)


def choice(estimator: Any, X: Any, batch_size: int, epochs: int) -> Choice:
    """Backend for a fit of at most these epochs, by the work that they are."""
    own = options(estimator)
    size = sum(W.size for W in estimator.coefs_)
    products = 3 * batch_size * size  # forward, pulled back, gradient
    work = Work(products, epochs * -(-X.shape[0] // batch_size))
    on_cpu = own.device == "auto" and scipy.sparse.issparse(X)
    device = "cpu" if on_cpu else replicas.device_of_this_rank(device_for(own.device, X))
    return Choice(own.backend, device, own.precision, work)
