"""Loss and gradient of a scikit-learn estimator over all rows at once, for L-BFGS."""

from typing import Any

import numpy as np

from .backends.backend import Backend
from .backprop import bind
from .parameters import Array
from .translation import formulas, loss_scale, network, targets, usable, working_dtype
from .workspace import Workspace


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
    net, f, algorithm = network(estimator, dtype), formulas(estimator), bind(backend.kernels)
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


def _readable(X: Array, dtype: np.dtype[Any]) -> Array:
    """Return X itself where BLAS can read it, row-major or column-major, else a copy."""
    X = usable(X, dtype)
    return X if X.flags.c_contiguous or X.flags.f_contiguous else np.ascontiguousarray(X)
