"""Prediction of a scikit-learn estimator, a block of rows at a time."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from .backends import threads
from .backprop import bind
from .kernels import reference
from .parameters import Array
from .translation import formulas, network, working_dtype
from .workspace import Workspace

BLOCK = 1024
"""Rows predicted at a time: their activations stay in the processor's cache."""


def predict(estimator: Any, X: Array) -> Array:
    """Output activations of all rows, a block at a time.

    In NumPy, which is as fast here as machine code once a block fits the cache, and needs neither a
    compiler nor a warm-up where a model is only served. Threads share the blocks, so that all of
    the work is divided and not the matrix products alone.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Fitted.
    X : ndarray of shape (n, n_features)
        Examples.

    Returns
    -------
    y_hat : ndarray of shape (n, n_outputs)
    """
    dtype = working_dtype(estimator, X)
    net, f, algorithm = network(estimator, dtype), formulas(estimator), bind(reference)
    y_hat = np.empty((len(X), net.layer_sizes[-1]), dtype=dtype)
    workers = min(threads.available(), -(-len(X) // BLOCK))

    def share(worker: int) -> None:
        ws = Workspace.allocate(net.layer_sizes, BLOCK, dtype)
        for start in range(worker * BLOCK, len(X), workers * BLOCK):
            rows = slice(start, min(start + BLOCK, len(X)))
            block = ws.first(rows.stop - rows.start)
            block.A[0][...] = X[rows]
            algorithm.forward(net, block, f)
            y_hat[rows] = block.A[-1]

    with threads.single_threaded_blas():
        try:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(share, range(workers)))
        except RuntimeError:  # no threads to be had: the interpreter is shutting down
            for worker in range(workers):
                share(worker)
    return y_hat
