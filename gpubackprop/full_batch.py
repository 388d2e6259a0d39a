"""Loss, gradient and prediction of a scikit-learn estimator over all rows at once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from .backends import threads
from .backends.backend import Backend
from .backprop import bind
from .engines import formulas, loss_scale, targets, usable, working_dtype
from .kernels import reference
from .parameters import Array, Parameters
from .workspace import Workspace

BLOCK = 1024
"""Rows predicted at a time: their activations stay in the processor's cache."""


def loss_and_gradient(
    estimator: Any, X: Array, y: Array, sample_weight: Array | None, backend: Backend
) -> tuple[float, list[Array], list[Array]]:
    """Loss with its penalty, and its gradient, as `_backprop` returns them.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Initialised.
    X : ndarray of shape (n, n_features)
        Examples.
    y : ndarray of shape (n, n_outputs)
        Targets.
    sample_weight : ndarray of shape (n,) or None
        Weights of the examples.
    backend : Backend
        Where the primitives run.

    Returns
    -------
    loss : float
    coef_grads, intercept_grads : list of ndarray
        New arrays.
    """
    dtype = working_dtype(estimator, X)
    net, f, algorithm = _network(estimator, dtype), formulas(estimator), bind(backend.kernels)
    ws = Workspace.allocate(net.layer_sizes, len(X), dtype)
    total = float(len(X))
    if sample_weight is not None:
        total = float(np.sum(sample_weight))
        if total == 0.0:
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        ws.share[...] = (sample_weight / total).reshape(-1, 1)
    ws.Y[...] = targets(estimator, y, dtype)
    ws = ws._replace(A=(_readable(X, dtype), *ws.A[1:]))
    grad = net.zeros_like()
    algorithm.forward(net, ws, f)
    algorithm.backward(net, grad, ws, f)
    decay = estimator.alpha / total
    penalty = 0.0
    for W, grad_W in zip(net.W, grad.W, strict=True):
        penalty += 0.5 * decay * float(np.dot(W.ravel(), W.ravel()))
        grad_W += dtype.type(decay) * W
    loss = loss_scale(estimator) * float(ws.loss[0]) + penalty
    return loss, list(grad.W), list(grad.b)


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
    net, f, algorithm = _network(estimator, dtype), formulas(estimator), bind(reference)
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

    with threads.single_threaded_blas(), ThreadPoolExecutor(workers) as pool:
        list(pool.map(share, range(workers)))
    return y_hat


def _network(estimator: Any, dtype: np.dtype[Any]) -> Parameters:
    """Copy the estimator's parameters, which may have any type and memory order."""
    sizes = (estimator.coefs_[0].shape[0], *(len(b) for b in estimator.intercepts_))
    net = Parameters.zeros(sizes, dtype)
    net.load(list(estimator.coefs_) + list(estimator.intercepts_))
    return net


def _readable(X: Array, dtype: np.dtype[Any]) -> Array:
    """Return X itself where BLAS can read it, row-major or column-major, else a copy."""
    X = usable(X, dtype)
    return X if X.flags.c_contiguous or X.flags.f_contiguous else np.ascontiguousarray(X)
