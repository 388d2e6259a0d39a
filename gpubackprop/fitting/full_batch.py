"""Loss and gradient of a scikit-learn estimator over all rows at once, for L-BFGS."""

from typing import Any

import numpy as np

from ..algorithm.checkpointing import Checkpoint
from ..algorithm.memory import Memory
from ..algorithm.parameters import Array
from ..algorithm.workspace import Workspace
from ..backends.backend import Backend, Step
from ..backends.cuda.device_arrays import on_gpu
from ..backprop import Formulas, bind
from ..kernels.protocol import Kernels
from ..training.memory_plan import MARGIN, Sizes, mebibytes, would_need
from .conversion import formulas, layer_sizes, loss_scale, network, targets, usable


class FullBatch:
    """All rows where a backend computes, moved there once, for any number of evaluations.

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
    dtype : dtype
        To compute in.
    backend : Backend
        Where the primitives run.

    Raises
    ------
    ZeroDivisionError
        If all weights are zero, in NumPy's words.
    MemoryError
        If the backend's memory cannot hold all rows at once.
    """

    def __init__(
        self,
        estimator: Any,
        X: Array,
        y: Array,
        sample_weight: Array | None,
        dtype: np.dtype[Any],
        backend: Backend,
    ) -> None:
        self._estimator, self._memory = estimator, backend.memory
        self._total = float(len(X) if sample_weight is None else np.sum(sample_weight))
        if self._total == 0.0:
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        shape, checkpoint = (layer_sizes(estimator), len(X), dtype), estimator.checkpoint
        _require_room(*shape, backend.memory, checkpoint, backend.memory.holds(X))
        self._net = network(estimator, dtype, backend.memory)
        self._grad = self._net.zeros_like()
        ws = Workspace.allocate(*shape, backend.memory, checkpoint)
        examples = backend.memory.rows(_readable(X, dtype))
        ws = ws._replace(A=(examples, *ws.A[1:]))
        self._ws = ws._replace(Y=backend.memory.rows(targets(estimator, y, dtype)))
        if sample_weight is not None:
            share = (sample_weight / self._total).astype(dtype).reshape(-1, 1)
            self._ws = self._ws._replace(share=backend.memory.put(share))
        multiply_adds = 3 * len(X) * self._net.theta.size
        self._run = backend.prepare(self._step(formulas(estimator)), multiply_adds)

    def _step(self, f: Formulas) -> Step:
        def step(k: Kernels) -> None:
            algorithm = bind(k)
            algorithm.forward(self._net, self._ws, f)
            algorithm.backward(self._net, self._grad, self._ws, f)

        return step

    def loss_and_gradient(self) -> tuple[float, list[Array], list[Array]]:
        """Evaluate at the estimator's present weights, as its `_backprop` does.

        Returns
        -------
        loss : float
            With its penalty.
        coef_grads, intercept_grads : list of ndarray
            New arrays.
        """
        estimator, dtype = self._estimator, self._net.theta.dtype
        self._net.load([*estimator.coefs_, *estimator.intercepts_])
        self._memory.write(self._ws.sums, np.zeros(3))
        self._run(1)
        coef_grads = [np.empty_like(W, dtype) for W in estimator.coefs_]
        intercept_grads = [np.empty_like(b, dtype) for b in estimator.intercepts_]
        self._grad.store([*coef_grads, *intercept_grads])
        decay = float(estimator.alpha) / self._total
        penalty = 0.0
        for W, grad_W in zip(estimator.coefs_, coef_grads, strict=True):
            penalty += 0.5 * decay * float(np.dot(W.ravel(), W.ravel()))
            grad_W += dtype.type(decay) * W
        loss = loss_scale(estimator) * float(self._memory.read(self._ws.sums)[0]) + penalty
        return loss, coef_grads, intercept_grads


def _require_room(
    layer_sizes: tuple[int, ...],
    rows: int,
    dtype: np.dtype[Any],
    memory: Memory,
    checkpoint: Checkpoint,
    here: bool,
) -> None:
    def needs(checkpoint: Checkpoint) -> int:
        sizes = Sizes(layer_sizes, dtype, memory, checkpoint)
        moved = sizes.targets(rows) if here else sizes.data(rows)
        return 2 * sizes.parameters + sizes.workspace(rows) + moved + MARGIN

    available, needed = memory.available(), needs(checkpoint)
    if available is not None and needed > available:
        leaner = needs("sqrt") if checkpoint is None else needed
        raise MemoryError(
            f"the solver 'lbfgs' computes on all rows at once, which takes {mebibytes(needed)}; "
            f"{mebibytes(available)} are free: take the solver 'adam' or device='cpu'"
            f"{would_need(needed, leaner)}"
        )


def _readable(X: Array, dtype: np.dtype[Any]) -> Array:
    """Return X itself where BLAS can read it, row-major or column-major, else a copy."""
    X = usable(X, dtype)
    contiguous = X.flags.c_contiguous or X.flags.f_contiguous
    return X if contiguous or on_gpu(X) else np.ascontiguousarray(X)
