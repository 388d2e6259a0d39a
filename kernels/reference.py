"""The primitives in NumPy, a textbook line each; see `protocol` for what each one means."""

import numpy as np

from .formulas import LOSSES, Activation, AdamForm, Loss
from .group import Group
from .masks import Mask
from .native.arguments import Array
from .optimizers import L2, SGD, Adam, Lion, RMSProp
from .sparse import SparseRows
from .textbook import ERROR, LOSS, SIGMA, SLOPE


def gather(X: Array, order: Array, cursor: Array, out: Array) -> None:
    start = cursor[0]
    out[...] = X[order[start : start + len(out)]]


def advance(counter: Array, amount: int) -> None:
    counter += amount


def add(amount: Array, total: Array) -> None:
    total += amount


def all_reduce(total: Array, ranks: Group) -> None:
    ranks.all_reduce(total)


def normalize(share: Array, alpha: float, decay: Array) -> None:
    total = share.sum(dtype=np.float64)
    decay[0] = alpha / total
    share /= total


def dense(A: Array, W: Array, b: Array, activation: Activation, Z: Array, out: Array) -> None:
    np.matmul(A, W, out=Z)
    Z += b
    SIGMA[activation](Z, out)


def dense_and_slope(
    A: Array, W: Array, b: Array, activation: Activation, slope: Array, out: Array
) -> None:
    dense(A, W, b, activation, slope, out)
    slope[...] = SLOPE[activation](slope)


def sparse_dense(
    A: SparseRows, W: Array, b: Array, activation: Activation, Z: Array, out: Array
) -> None:
    Z[...] = A.taken(len(Z)) @ W
    Z += b
    SIGMA[activation](Z, out)


def dropout(A: Array, mask: Mask, out: Array) -> None:
    kept = mask.draws(*A.shape) >= mask.threshold
    out[...] = np.where(kept, A * A.dtype.type(mask.scale) + 0.0, -0.0)


def dropout_delta(dropped: Array, mask: Mask, delta: Array) -> None:
    kept = (dropped != 0) | ~np.signbit(dropped)
    delta[...] = np.where(kept, delta * delta.dtype.type(mask.scale), 0)


def output_delta(
    A: Array,
    Y: Array,
    share: Array,
    activation: Activation,
    loss: Loss,
    delta: Array,
    total: Array,
    constant: Array | None = None,
) -> None:
    c = LOSSES[loss].constant if constant is None else constant
    total += np.sum(LOSS[loss](A, Y, c) * share, dtype=np.float64)
    np.multiply(ERROR[loss](A, Y, c), share, out=delta)
    if activation is Activation.SOFTMAX and not loss.error_is_of(activation):
        delta -= A * delta.sum(axis=1, keepdims=True)
    elif not loss.error_is_of(activation):
        delta *= SLOPE[activation](A)


def weight_grad(A: Array, delta: Array, grad_W: Array) -> None:
    np.matmul(A.T, delta, out=grad_W)


def sparse_weight_grad(A: SparseRows, delta: Array, grad_W: Array) -> None:
    grad_W[...] = A.taken(len(delta)).T @ delta


def bias_grad(delta: Array, grad_b: Array) -> None:
    np.sum(delta, axis=0, out=grad_b)


def hidden_delta(
    delta: Array, W: Array, saved: Array, activation: Activation | None, out: Array
) -> None:
    np.matmul(delta, W.T, out=out)
    out *= saved if activation is None else SLOPE[activation](saved)


def clip(grad: Array, largest: float, norm: Array) -> None:
    length = np.sqrt(np.dot(grad, grad), dtype=np.float64)
    norm += length
    if length > largest:
        grad *= largest / length


def sgd(theta: Array, grad: Array, state: SGD, l2: L2) -> None:
    velocity, rate, momentum, nesterov, weight_decay = state
    step = float(rate[0])
    gradient = _decayed(theta, grad, l2)
    velocity *= momentum
    velocity -= step * gradient
    theta[: l2.decayed] *= 1 - step * weight_decay
    theta += momentum * velocity - step * gradient if nesterov else velocity


def adam(theta: Array, grad: Array, state: Adam, l2: L2) -> None:
    m, v, t, rate, beta_1, beta_2, epsilon, weight_decay, form = state
    gradient = _decayed(theta, grad, l2)
    m *= beta_1
    m += (1 - beta_1) * gradient
    v *= beta_2
    v += (1 - beta_2) * gradient**2
    root = float(np.sqrt(1 - beta_2 ** t[0]))
    if form is AdamForm.NADAM:
        ahead, now = _nesterov(int(t[0]), beta_1)
        direction = float(rate[0]) * root * (ahead * m + now * gradient)
    else:
        direction = float(rate[0] * root / (1 - beta_1 ** t[0])) * m
    smallest = float(np.finfo(theta.dtype).tiny)  # an epsilon that rounds to 0 makes 0/0
    epsilon = epsilon if form is AdamForm.ADAM else epsilon * root
    theta[: l2.decayed] *= 1 - float(rate[0]) * weight_decay
    theta -= direction / (np.sqrt(v) + max(epsilon, smallest))


def rmsprop(theta: Array, grad: Array, state: RMSProp, l2: L2) -> None:
    v, rate, beta_2, epsilon, weight_decay = state
    step = float(rate[0])
    gradient = _decayed(theta, grad, l2)
    v *= beta_2
    v += (1 - beta_2) * gradient**2
    smallest = float(np.finfo(theta.dtype).tiny)  # an epsilon that rounds to 0 makes 0/0
    theta[: l2.decayed] *= 1 - step * weight_decay
    theta -= step * gradient / (np.sqrt(v) + max(epsilon, smallest))


def lion(theta: Array, grad: Array, state: Lion, l2: L2) -> None:
    m, rate, beta_1, beta_2, weight_decay = state
    step = float(rate[0])
    gradient = _decayed(theta, grad, l2)
    theta[: l2.decayed] *= 1 - step * weight_decay
    theta -= step * np.sign(beta_1 * m + (1 - beta_1) * gradient)
    m *= beta_2
    m += (1 - beta_2) * gradient


def _decayed(theta: Array, grad: Array, l2: L2) -> Array:
    """Gradient of the loss and the L2 penalty together; adds the penalty to its sum."""
    decayed, decay, penalty = l2
    W = theta[:decayed]
    penalty += 0.5 * decay * np.dot(W, W)
    gradient = grad.copy()
    gradient[:decayed] += float(decay[0]) * W
    return gradient


def _nesterov(t: int, beta: float) -> tuple[float, float]:
    """NAdam's factors of the mean and of the gradient at step t."""
    mu = beta * (1 - 0.5 * 0.96 ** (0.004 * np.arange(1, t + 2)))
    return float(mu[t] / (1 - mu.prod())), float((1 - mu[t - 1]) / (1 - mu[:t].prod()))
