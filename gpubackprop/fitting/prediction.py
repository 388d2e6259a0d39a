"""Prediction of a scikit-learn estimator, a block of rows at a time."""

import logging
from collections.abc import Callable
from functools import partial
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
from ..kernels.formulas import Activation
from ..kernels.protocol import Kernels
from ..kernels.sparse import CSR, SparseRows
from ..kernels.textbook import SIGMA
from ..training.evaluation import BLOCK_ROWS, CACHED_BYTES
from . import overrides
from .conversion import formulas, network, working_dtype
from .options.formula_names import ours_alone
from .options.values import options
from .ranks.replicas import device_of_this_rank
from .ranks.rows import HeldOut
from .scikit_learn import checks

_log = logging.getLogger("gpubackprop")

FEW_BYTES = 4 << 20
"""Bytes of the widest layer up to which scikit-learn's pass is as fast with one thread."""
FEW_WITH_SEVERAL_THREADS = 6
"""Times as many, as waking the threads and waiting for them costs more."""
SPAN_BLOCKS = 16
"""Blocks that are recorded together; an interrupt waits for them."""
GPU_BLOCK_ROWS = 8192
"""Rows of a block on a GPU: enough to keep all of it busy, and few enough for its memory."""
MACS_PER_MOVED_NUMBER = 50
"""Multiply-adds that a CPU does while a number goes to a GPU and back; estimated, not measured."""


def forward_pass_fast(
    estimator: Any, original: Callable[..., Array], X: Any, check_input: bool = True
) -> Array:
    """Predict the outputs of all rows.

    Sparse and few rows are left to the original, scikit-learn's `_forward_pass_fast`, where it has
    the formulas.
    """
    if isinstance(X, HeldOut):
        return X.predicted(estimator, partial(forward_pass_fast, estimator, original))
    if check_input:  # what is sparse, such as a data frame of sparse columns, shows here
        X = checks.examples(estimator, X)
    if are_left_to_scikit_learn(estimator, X):
        return original(X, check_input=False)
    reason = overrides.in_prediction(estimator)
    if reason:
        overrides.require_known(estimator, reason)
        overrides.tell(estimator, reason)
        return original(X, check_input=False)
    return threads.giving_back(partial(predict, estimator, X))


def are_left_to_scikit_learn(estimator: Any, X: Any) -> bool:
    """Say whether scikit-learn's own pass is as fast, as rows are few or sparse."""
    if ours_alone(estimator):
        return False
    if scipy.sparse.issparse(X) or len(X) <= BLOCK_ROWS:
        return True
    return not options(estimator).device.startswith("cuda") and _are_few(estimator, X)


def _are_few(estimator: Any, X: Any) -> bool:
    """Say whether preparing machine code takes longer than it saves."""
    rows: int = X.shape[0]
    few = FEW_BYTES * (1 if threads.available() == 1 else FEW_WITH_SEVERAL_THREADS)
    return rows <= BLOCK_ROWS or rows * _row_bytes(estimator, X) <= few


def _row_bytes(estimator: Any, X: Any) -> int:
    """Bytes that a row takes in the widest layer."""
    return int(max(len(b) for b in estimator.intercepts_) * X.dtype.itemsize)


def predict(estimator: Any, X: Any) -> Array:
    """Output activations of all rows, a block at a time.

    On a GPU where the estimator's device is one, or "auto" and the work is worth it, and the CPU
    takes over where none can be used; sparse rows stay on the CPU. On the CPU machine code divides
    the rows among threads; few rows, and numbers of types that it does not know, are left to NumPy.
    The last activation is NumPy's: machine code takes the smallest probabilities for zero, whose
    logarithm is asked for.
    """
    sparse = scipy.sparse.issparse(X)
    predicted = None if sparse else _by_gpu(estimator, X)
    if predicted is not None:
        return predicted
    W, b = estimator.coefs_, estimator.intercepts_
    # the activations' types, as NumPy multiplies inputs of one type with the weights
    _, *dtypes = accumulate((w.dtype for w in W), np.promote_types, initial=X.dtype)
    in_numpy = _are_few(estimator, X) or len(set(dtypes)) > 1 or not _computes_in(dtypes[0])
    if not in_numpy:
        W, b = ([np.require(each, dtypes[0], ["C", "A"]) for each in part] for part in (W, b))
    *sigma, last = formulas(estimator).activations(len(W))
    n, read = X.shape[0], (_sparse if sparse else _dense)(X, dtypes[0])
    y_hat = np.empty((n, len(b[-1])), dtype=dtypes[-1])
    block = min(n, max(BLOCK_ROWS, CACHED_BYTES // _row_bytes(estimator, X)) * threads.available())
    shapes = zip(b[:-1], dtypes, strict=False)
    hidden = [np.empty((block, len(units)), dtype=dtype) for units, dtype in shapes]

    def forward(span: slice, k: Kernels) -> None:
        for start in range(span.start, span.stop, block):
            rows = slice(start, min(start + block, span.stop))
            A = (*(buffer[: rows.stop - start] for buffer in hidden), y_hat[rows])
            linear, inputs = (*sigma, Activation.IDENTITY), (A[0], *A[:-1])
            first, *others = map(Layer.predicting, count(1), linear, W, b, inputs, A)
            bind(k).forward((read(first, rows), *others))

    backend = backends.select("reference" if in_numpy else options(estimator).backend, "cpu")
    with backend.session():
        for start in range(0, n, step := block * SPAN_BLOCKS):
            span = slice(start, min(start + step, n))
            backend.prepare(partial(forward, span), (span.stop - start) * _row_macs(W, X))(1)
    SIGMA[last](y_hat, y_hat)
    return y_hat


def _dense(X: Array, dtype: np.dtype[Any]) -> Callable[[Layer, slice], Layer]:
    """Return what lets the first layer read some rows of X, as numbers of a type."""
    lay = np.asarray if X.flags.forc else np.ascontiguousarray
    return lambda first, rows: first._replace(input=lay(X[rows], dtype=dtype))


def _sparse(X: Any, dtype: np.dtype[Any]) -> Callable[[Layer, slice], Layer]:
    """Return what lets the first layer read some rows of sparse X."""
    csr, order = CSR.of(X, dtype), np.arange(X.shape[0])
    return lambda first, rows: first._replace(sparse=SparseRows(csr, order, np.array([rows.start])))


def _row_macs(W: list[Array], X: Any) -> int:
    """Multiply-adds of a row, the mean of all rows where some entries are not stored."""
    first = X.nnz * W[0].shape[1] // X.shape[0] if scipy.sparse.issparse(X) else W[0].size
    return int(first + sum(w.size for w in W[1:]))


def predict_on(backend: Backend, estimator: Any, X: Any) -> Any:
    """Output activations of all rows, on X's device, computed by a GPU's backend a block at a time.

    TypeError if the weights or X are of a type that no GPU computes in.
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
