"""Prediction of a scikit-learn estimator, a block of rows at a time."""

import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import accumulate, count
from typing import Any

import numpy as np
import scipy.sparse

from .. import backends
from ..algorithm.parameters import Array
from ..algorithm.workspace import Layer, Workspace
from ..backends import Backend, Work, threads
from ..backends.cuda.device_arrays import on_gpu
from ..backprop import bind
from ..kernels import reference
from ..kernels.sparse import CSR, SparseRows
from ..training.evaluation import BLOCK_ROWS, CACHED_BYTES
from .conversion import formulas, network, working_dtype
from .options.formula_names import ours_alone
from .options.values import options
from .ranks.replicas import device_of_this_rank

_log = logging.getLogger("gpubackprop")
_forward = bind(reference).forward

MIN_THREAD_MACS = 15_000_000
"""Multiply-adds for each thread, half a millisecond; starting it takes a fifth of that."""
GPU_BLOCK_ROWS = 8192
"""Rows of a block on a GPU: enough to keep all of it busy, and few enough for its memory."""
MACS_PER_MOVED_NUMBER = 50
"""Multiply-adds that a CPU does while a number goes to a GPU and back; estimated, not measured."""


def are_left_to_scikit_learn(estimator: Any, X: Any) -> bool:
    """Say whether scikit-learn's own pass is as fast, as nothing is gained by dividing the rows.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Fitted.
    X : ndarray or sparse matrix of shape (n, n_features)
        Examples.
    """
    if ours_alone(estimator):
        return False
    if scipy.sparse.issparse(X) or len(X) <= BLOCK_ROWS:  # SciPy's product runs in one thread
        return True
    on_cpu = not options(estimator).device.startswith("cuda")
    return on_cpu and len(X) * _row_bytes(estimator, X) <= CACHED_BYTES


def _row_bytes(estimator: Any, X: Any) -> int:
    """Bytes that a row takes in the widest layer."""
    return int(max(len(b) for b in estimator.intercepts_) * X.dtype.itemsize)


def predict(estimator: Any, X: Any) -> Array:
    """Output activations of all rows, a block at a time.

    On a GPU where the estimator's device is one, or "auto" and the work is worth it, and the CPU
    takes over where none can be used. On the CPU it is in NumPy, which is as fast as machine code
    once a block fits the cache, and needs neither a compiler nor a warm-up where a model is only
    served. Threads share the blocks where there is enough to do for several, so that all of the
    work is divided and not the matrix products alone.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Fitted.
    X : ndarray or sparse matrix of shape (n, n_features)
        Examples; sparse ones stay on the CPU.

    Returns
    -------
    y_hat : ndarray of shape (n, n_outputs)
    """
    sparse = scipy.sparse.issparse(X)
    predicted = None if sparse else _by_gpu(estimator, X)
    if predicted is not None:
        return predicted
    W, b = estimator.coefs_, estimator.intercepts_
    activations = formulas(estimator).activations(len(W))
    # the activations' types, as NumPy multiplies inputs of one type with the weights
    dtypes = list(accumulate((w.dtype for w in W), np.promote_types, initial=X.dtype))
    n, read = X.shape[0], _sparse(X, dtypes[1]) if sparse else _dense(X)
    y_hat = np.empty((n, len(b[-1])), dtype=dtypes[-1])
    workers, block = _divided(n, _row_macs(W, X), _row_bytes(estimator, X))
    starts = deque(range(0, n, block))

    def share() -> None:
        shapes = zip(b[:-1], dtypes[1:-1], strict=True)
        hidden = [np.empty((block, len(units)), dtype=dtype) for units, dtype in shapes]
        while starts:
            with suppress(IndexError):  # another thread took the last one
                rows = slice(start := starts.popleft(), min(start + block, n))
                A = (*(buffer[: rows.stop - start] for buffer in hidden), y_hat[rows])
                inputs = (A[0], *A[:-1])
                first, *others = map(Layer.predicting, count(1), activations, W, b, inputs, A)
                _forward((read(first, rows), *others))

    with threads.single_threaded_blas():
        _side_by_side(share, workers, starts)
    return y_hat


def _dense(X: Array) -> Callable[[Layer, slice], Layer]:
    """Return what lets the first layer read some rows of X."""
    return lambda first, rows: first._replace(input=X[rows])


def _sparse(X: Any, dtype: np.dtype[Any]) -> Callable[[Layer, slice], Layer]:
    """Return what lets the first layer read some rows of sparse X."""
    csr, order = CSR.of(X, dtype), np.arange(X.shape[0])
    return lambda first, rows: first._replace(sparse=SparseRows(csr, order, np.array([rows.start])))


def _row_macs(W: list[Array], X: Any) -> int:
    """Multiply-adds of a row, the mean of all rows where some entries are not stored."""
    first = X.nnz * W[0].shape[1] // X.shape[0] if scipy.sparse.issparse(X) else W[0].size
    return int(first + sum(w.size for w in W[1:]))


def _divided(rows: int, row_macs: int, row_bytes: int) -> tuple[int, int]:
    """Choose how many threads to start and how many rows make a block."""
    workers = max(1, min(threads.available(), rows * row_macs // MIN_THREAD_MACS))
    largest = max(BLOCK_ROWS, CACHED_BYTES // row_bytes)
    blocks = max(1, -(-rows // (largest * workers))) * workers
    return workers, max(1, -(-rows // blocks))


def _side_by_side(share: Callable[[], None], workers: int, starts: deque[int]) -> None:
    """Have threads take what is to be done from a queue, this one among them."""
    if workers == 1:
        share()
        return
    others: list[Future[None]] = []
    with ThreadPoolExecutor(workers - 1, initializer=threads.multiply_alone) as pool:
        try:
            with suppress(RuntimeError):  # no threads to be had: the interpreter is shutting down
                others.extend(pool.submit(share) for _ in range(workers - 1))
            share()
        finally:
            starts.clear()  # after an error nobody goes on
        for other in others:
            other.result()


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
        On the device of X.

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
        ws = Workspace.allocate(net, f, min(GPU_BLOCK_ROWS, len(X)))
        outputs = net.layer_sizes[-1]
        y_hat = memory.zeros(len(X) * outputs, dtype).reshape(len(X), outputs)
        for start in range(0, len(X), GPU_BLOCK_ROWS):
            rows = slice(start, min(start + GPU_BLOCK_ROWS, len(X)))
            block = ws.first(rows.stop - rows.start)
            block.examples[...] = memory.put(X[rows])
            algorithm.forward(block.layers)
            y_hat[rows] = block.prediction
        return y_hat if on_gpu(X) else memory.read(y_hat)


def _by_gpu(estimator: Any, X: Array) -> Array | None:
    """Predict rows of the host on a GPU, if one is to; None where the CPU is left with them."""
    backend = _gpu(estimator, X)
    if backend is None or not _computes_in(working_dtype(estimator, X)):
        return None
    try:
        predicted: Array = predict_on(backend, estimator, X)
    except backends.GPU_ERRORS as reason:
        _log.warning("the GPU gives up and the CPU predicts: %s", str(reason))
        return None
    return predicted


def _gpu(estimator: Any, X: Array) -> Backend | None:
    """Return the GPU to predict rows of the host on, if any."""
    own = options(estimator)
    if own.device == "cpu" or own.backend != "auto":
        return None
    weights = sum(W.size for W in estimator.coefs_)
    gain = max(0, weights - MACS_PER_MOVED_NUMBER * X.shape[1])
    work = Work(min(GPU_BLOCK_ROWS, len(X)) * gain, -(-len(X) // GPU_BLOCK_ROWS))
    return backends.gpu_for(device_of_this_rank(own.device), own.precision, work)


def _computes_in(dtype: np.dtype[Any]) -> bool:
    return dtype in (np.float32, np.float64)
