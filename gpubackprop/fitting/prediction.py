"""Prediction of a scikit-learn estimator, a block of rows at a time."""

import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import accumulate
from typing import Any, NamedTuple

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
_forward = bind(reference).forward

BLOCK = 1024
"""Rows predicted at a time: their activations stay in the processor's cache."""
CACHED = 1 << 20
"""Bytes of a layer's activations that stay in the cache without being divided."""
WORTH_A_THREAD = 15_000_000
"""Multiply-adds for each thread, half a millisecond; starting it takes a fifth of that."""
GPU_BLOCK = 8192
"""The same on a GPU: enough to keep all of it busy, and few enough for its memory."""
MOVING = 50
"""Multiply-adds that a CPU does while a number goes to a GPU and back; estimated, not measured."""


class _Layers(NamedTuple):
    """An estimator's own parameters: nothing is copied."""

    W: tuple[Array, ...]
    b: tuple[Array, ...]

    @classmethod
    def of(cls, estimator: Any) -> "_Layers":
        return cls(tuple(estimator.coefs_), tuple(estimator.intercepts_))

    def dtypes(self, dtype: np.dtype[Any]) -> list[np.dtype[Any]]:
        """Types of the activations, as NumPy multiplies inputs of one type with the weights."""
        return list(accumulate((W.dtype for W in self.W), np.promote_types, initial=dtype))


class _Activations(NamedTuple):
    """Rows of all layers' activations, the pre-activations in the same memory."""

    A: tuple[Array, ...]

    @property
    def Z(self) -> tuple[Array, ...]:  # noqa: N802
        return self.A[1:]


def are_few(estimator: Any, X: Array) -> bool:
    """Say whether scikit-learn's own pass is as fast, as nothing is gained by dividing the rows.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Fitted.
    X : ndarray of shape (n, n_features)
        Examples.
    """
    if len(X) <= BLOCK:
        return True
    widest = max(len(b) for b in estimator.intercepts_)
    return not estimator.device.startswith("cuda") and len(X) * widest * X.itemsize <= CACHED


def predict(estimator: Any, X: Array) -> Array:
    """Output activations of all rows, a block at a time.

    On a GPU where the estimator's device is one, or "auto" and the work is worth it, and the CPU
    takes over where none can be used. There it is in NumPy, which is as fast here as machine code
    once a block fits the cache, and needs neither a compiler nor a warm-up where a model is only
    served. Threads share the blocks where there is enough to do for several, so that all of the
    work is divided and not the matrix products alone.

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
    predicted = _by_gpu(estimator, X)
    if predicted is not None:
        return predicted
    net, f = _Layers.of(estimator), formulas(estimator)
    dtypes = net.dtypes(X.dtype)
    y_hat = np.empty((len(X), len(net.b[-1])), dtype=dtypes[-1])
    workers, block = _divided(len(X), sum(W.size for W in net.W))
    starts = deque(range(0, len(X), block))

    def share() -> None:
        shapes = zip(net.b[:-1], dtypes[1:-1], strict=True)
        hidden = [np.empty((block, len(b)), dtype=dtype) for b, dtype in shapes]
        while starts:
            with suppress(IndexError):  # another thread took the last one
                rows = slice(start := starts.popleft(), start + block)
                x = X[rows]
                A = (x, *(room[: len(x)] for room in hidden), y_hat[rows])
                _forward(net, _Activations(A), f)

    with threads.single_threaded_blas():
        _side_by_side(share, workers, starts)
    return y_hat


def _divided(rows: int, weights: int) -> tuple[int, int]:
    """How many threads are worth starting, and how many rows make a block."""
    workers = max(1, min(threads.available(), rows * weights // WORTH_A_THREAD))
    blocks = max(1, -(-rows // (BLOCK * workers))) * workers
    return workers, max(1, -(-rows // blocks))


def _side_by_side(share: Callable[[], None], workers: int, starts: deque[int]) -> None:
    """Have threads take what is to be done from a queue, this one among them."""
    if workers == 1:
        share()
        return
    others: list[Future[None]] = []
    with ThreadPoolExecutor(workers - 1) as pool:
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


def _by_gpu(estimator: Any, X: Array) -> Array | None:
    """Predict rows of the host on a GPU, if one is to; None where the CPU is left with them."""
    backend = _gpu(estimator, X)
    if backend is None or not _computes_in(working_dtype(estimator, X)):
        return None
    try:
        predicted: Array = predict_on(backend, estimator, X)
    except backends.GIVES_UP as reason:
        _log.warning("the GPU gives up and the CPU predicts: %s", str(reason))
        return None
    return predicted


def _gpu(estimator: Any, X: Array) -> Backend | None:
    """Return the GPU to predict rows of the host on, if any."""
    if estimator.device == "cpu" or estimator.backend != "auto":
        return None
    weights = sum(W.size for W in estimator.coefs_)
    gain = max(0, weights - MOVING * X.shape[1])
    work = Work(min(GPU_BLOCK, len(X)) * gain, -(-len(X) // GPU_BLOCK))
    return backends.gpu_for(estimator.device, estimator.precision, work)


def _computes_in(dtype: np.dtype[Any]) -> bool:
    return dtype in (np.float32, np.float64)
