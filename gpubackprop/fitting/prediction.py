"""Prediction of a scikit-learn estimator, a block of rows at a time."""

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from .. import backends
from ..algorithm.parameters import Array
from ..algorithm.workspace import Workspace
from ..backends import Backend, Work, threads
from ..backends.cuda.device_arrays import on_gpu
from ..backprop import bind
from ..kernels import reference
from .conversion import formulas, network, working_dtype

_log = logging.getLogger("gpubackprop")

BLOCK = 1024
"""Rows predicted at a time: their activations stay in the processor's cache."""
GPU_BLOCK = 8192
"""The same on a GPU: enough to keep all of it busy, and few enough for its memory."""
MOVING = 50
"""Multiply-adds that a CPU does while a number goes to a GPU and back; estimated, not measured."""


def predict(estimator: Any, X: Array) -> Array:
    """Output activations of all rows, a block at a time.

    On a GPU where the estimator's device is one, or "auto" and the work is worth it, and the CPU
    takes over where none can be used. There it is in NumPy, which is as fast here as machine code
    once a block fits the cache, and needs neither a compiler nor a warm-up where a model is only
    served. Threads share the blocks, so that all of the work is divided and not the matrix products
    alone.

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
    predicted = _by_gpu(estimator, X, dtype)
    if predicted is not None:
        return predicted
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


def predict_on(backend: Backend, estimator: Any, X: Any) -> Any:
    """Output activations of all rows, computed by a backend, a block at a time.

    Parameters
    ----------
    backend : Backend
        Of a GPU.
    estimator : MLPClassifier or MLPRegressor
        Fitted.
    X : ndarray or cupy.ndarray of shape (n, n_features)
        Examples.

    Returns
    -------
    y_hat : ndarray or cupy.ndarray of shape (n, n_outputs)
        Where X lies.

    Raises
    ------
    TypeError
        If the weights or X are of a type that no GPU computes in.
    """
    dtype, memory = working_dtype(estimator, X), backend.memory
    if not _computes_in(dtype):
        raise TypeError(f"a GPU predicts in float32 or float64, not {dtype}")
    f, algorithm = formulas(estimator), bind(backend.kernels)
    with backend.session():
        net = network(estimator, dtype, memory)
        ws = Workspace.allocate(net.layer_sizes, min(GPU_BLOCK, len(X)), dtype, memory)
        outputs = net.layer_sizes[-1]
        y_hat = memory.zeros(len(X) * outputs, dtype).reshape(len(X), outputs)
        for start in range(0, len(X), GPU_BLOCK):
            rows = slice(start, min(start + GPU_BLOCK, len(X)))
            block = ws.first(rows.stop - rows.start)
            block.A[0][...] = memory.put(X[rows])
            algorithm.forward(net, block, f)
            y_hat[rows] = block.A[-1]
        return y_hat if on_gpu(X) else memory.read(y_hat)


def _by_gpu(estimator: Any, X: Array, dtype: np.dtype[Any]) -> Array | None:
    """Predict rows of the host on a GPU, if one is to; None where the CPU is left with them."""
    backend = _gpu(estimator, X, dtype)
    if backend is None:
        return None
    try:
        predicted: Array = predict_on(backend, estimator, X)
    except backends.GIVES_UP as reason:
        _log.warning("the GPU gives up and the CPU predicts: %s", str(reason))
        return None
    return predicted


def _gpu(estimator: Any, X: Array, dtype: np.dtype[Any]) -> Backend | None:
    """Return the GPU to predict rows of the host on, if any."""
    if estimator.device == "cpu" or estimator.backend != "auto" or not _computes_in(dtype):
        return None
    weights = sum(W.size for W in estimator.coefs_)
    gain = max(0, weights - MOVING * X.shape[1])
    work = Work(min(GPU_BLOCK, len(X)) * gain, -(-len(X) // GPU_BLOCK))
    return backends.gpu_for(estimator.device, estimator.precision, work)


def _computes_in(dtype: np.dtype[Any]) -> bool:
    return dtype in (np.float32, np.float64)
