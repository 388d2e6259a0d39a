"""Loss and gradient of a scikit-learn estimator over all rows at once, for L-BFGS."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...algorithm.checkpointing import Checkpoint
from ...algorithm.memory import HOST, Memory
from ...algorithm.parameters import Array, Parameters
from ...algorithm.workspace import Workspace
from ...backends.backend import Backend, Run, Step
from ...backends.cuda.device_arrays import on_gpu
from ...backprop import bind
from ...kernels.protocol import Kernels
from ...training.memory_plan import MARGIN_BYTES, Sizes, mebibytes, would_need
from ..conversion import formulas, layer_sizes, loss_scale, network, targets, usable
from ..options.values import options
from ..scikit_learn.contract import FULL_BATCH

PART_ROWS = 8192
"""Rows that are converted at a time, where X is of another type than is computed in."""


class FullBatch:
    """All rows in a backend's memory, moved once, for any number of evaluations.

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
        own = len(X) if sample_weight is None else np.sum(sample_weight)
        self._total = self._over_all(float(own))
        if self._total == 0.0:
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        f, checkpoint = formulas(estimator), options(estimator).checkpoint
        shape, memory = (layer_sizes(estimator), len(X), dtype), backend.memory
        _require_room(*shape, memory, checkpoint, memory.holds(X), f.apart(len(shape[0]) - 1))
        self._net = network(estimator, dtype, backend.memory)
        self._grad = self._net.zeros_like()
        self._X, self._Y = X, targets(estimator, y, dtype)
        self._converts = backend.memory is HOST and X.dtype != dtype and len(X) > PART_ROWS
        workspace = Workspace.allocate(
            self._net, f, PART_ROWS if self._converts else len(X), checkpoint
        )
        if not self._converts:
            examples = backend.memory.rows(_readable(X, dtype))
            workspace = workspace.reading(examples, backend.memory.rows(self._Y))
        self._sums = workspace.sums
        share = None
        if sample_weight is not None:
            share = (sample_weight / self._total).astype(dtype).reshape(-1, 1)
        self._parts = self._prepared(workspace, share, backend)

    def _over_all(self, weight: float) -> float:
        """Weight of all examples that are fitted, of which these rows have this one."""
        return weight

    def _prepared(
        self, workspace: Workspace, share: Array | None, backend: Backend
    ) -> list[tuple[Workspace, Run]]:
        """Make each part of the rows ready to run; the first writes the gradient, others add."""
        parts = workspace.batch(len(self._X), workspace.sums) if self._converts else (workspace,)
        grad, start, prepared = self._grad, 0, []
        for part in parts:
            if share is not None:
                part = part._replace(share=backend.memory.put(share[start : start + part.rows]))
            step = self._step(part, grad)
            prepared.append((part, backend.prepare(step, 3 * part.rows * grad.theta.size)))
            start += part.rows
            if grad is self._grad and len(parts) > 1:
                grad = self._grad.zeros_like()
        return prepared

    def _step(self, part: Workspace, grad: Parameters) -> Step:
        def step(k: Kernels) -> None:
            algorithm = bind(k)
            algorithm.forward(part.layers)
            algorithm.backward(part, grad)
            if grad is not self._grad:
                k.add(grad.theta, self._grad.theta)

        return step

    def _run(self) -> None:
        """Compute the sum of the losses and their gradient."""
        start = 0
        for part, run in self._parts:
            if self._converts:
                rows = slice(start, start + part.rows)
                part.examples[...], part.Y[...] = self._X[rows], self._Y[rows]
                start = rows.stop
            run(1)

    def solve(self, solver: Callable[[], None]) -> None:
        """Run a solver that calls `loss_and_gradient`."""
        solver()

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
        self._memory.write(self._sums, np.zeros(3))
        self._run()
        coef_grads = [np.empty_like(W, dtype) for W in estimator.coefs_]
        intercept_grads = [np.empty_like(b, dtype) for b in estimator.intercepts_]
        self._grad.store([*coef_grads, *intercept_grads])
        decay = float(estimator.alpha) / self._total
        penalty = 0.0
        for W, grad_W in zip(estimator.coefs_, coef_grads, strict=True):
            penalty += 0.5 * decay * float(np.dot(W.ravel(), W.ravel()))
            grad_W += dtype.type(decay) * W
        loss = loss_scale(estimator) * float(self._memory.read(self._sums)[0]) + penalty
        return loss, coef_grads, intercept_grads


class FullBatchEstimator:
    """An estimator as scikit-learn's `_fit_lbfgs` sees it, with loss and gradient of a `FullBatch`.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        All attributes are read from it and written to it.
    rows : FullBatch
        Computes at the estimator's present weights.
    """

    _estimator: Any
    _rows: FullBatch
    _loss_grad_lbfgs = FULL_BATCH.methods["_loss_grad_lbfgs"]
    _unpack = FULL_BATCH.methods["_unpack"]

    def __init__(self, estimator: Any, rows: FullBatch) -> None:
        vars(self).update(_estimator=estimator, _rows=rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._estimator, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._estimator, name, value)

    def _backprop(self, *arguments: Any) -> tuple[float, list[Array], list[Array]]:
        return self._rows.loss_and_gradient()

    def solve(self, *arguments: Any) -> None:
        """Run `_fit_lbfgs`, which hands its arguments on to `_backprop`."""
        FULL_BATCH.methods["_fit_lbfgs"](self, *arguments)


def _require_room(
    layer_sizes: tuple[int, ...],
    rows: int,
    dtype: np.dtype[Any],
    memory: Memory,
    checkpoint: Checkpoint,
    in_memory: bool,
    apart: tuple[bool, ...],
) -> None:
    def needs(checkpoint: Checkpoint) -> int:
        sizes = Sizes(layer_sizes, dtype, memory, checkpoint, apart)
        moved = sizes.targets(rows) if in_memory else sizes.data(rows)
        return 2 * sizes.parameters + sizes.workspace(rows) + moved + MARGIN_BYTES

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
