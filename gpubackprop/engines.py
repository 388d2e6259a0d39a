"""What computes an epoch for a scikit-learn estimator, and writes the result where it keeps it."""

from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from .backends.backend import Backend
from .backprop import Formulas
from .epochs import Epochs
from .kernels.formulas import Activation, Loss
from .optimizers import SGD, Adam
from .parameters import Array, Parameters
from .sklearn_contract import SGDOptimizer
from .training import Data

ACTIVATIONS = {
    "identity": Activation.IDENTITY,
    "relu": Activation.RELU,
    "logistic": Activation.SIGMOID,
    "tanh": Activation.TANH,
    "softmax": Activation.SOFTMAX,
    "exp": Activation.EXP,
}
"""scikit-learn's names for the activations."""

_LOSSES = {"squared_error": Loss.SQUARED_ERROR, "poisson": Loss.POISSON}


def formulas(estimator: Any) -> Formulas:
    """Activations and loss of an initialised estimator."""
    output = ACTIVATIONS[estimator.out_activation_]
    likelihood = {
        Activation.SOFTMAX: Loss.CROSS_ENTROPY,
        Activation.SIGMOID: Loss.BINARY_CROSS_ENTROPY,
    }
    loss = likelihood[output] if estimator.loss == "log_loss" else _LOSSES[estimator.loss]
    return Formulas(ACTIVATIONS[estimator.activation], output, loss)


def loss_scale(estimator: Any) -> float:
    """scikit-learn reports the squared error as a mean over outputs, the derivation as a sum."""
    outputs = len(estimator.intercepts_[-1])
    return 1 / outputs if estimator.loss == "squared_error" else 1.0


def working_dtype(estimator: Any, X: Any) -> np.dtype[Any]:
    """The type that NumPy would compute in: the wider of the data's and the weights'."""
    return np.result_type(X.dtype, *estimator.coefs_, *estimator.intercepts_)


def usable(X: Array, dtype: np.dtype[Any]) -> Array:
    """Return X itself where machine code can read it in place, else a copy."""
    return np.require(X, dtype=dtype, requirements=["ALIGNED"])


def targets(estimator: Any, y: Array, dtype: np.dtype[Any]) -> Array:
    """Targets as the network's outputs lie; a single column goes for all of them.

    Raises
    ------
    TypeError
        If they are not numbers.
    ValueError
        If there are more or fewer columns than outputs.
    """
    if y.dtype.kind not in "biuf":
        raise TypeError(f"y must be numbers, got {y.dtype}")
    outputs = len(estimator.intercepts_[-1])
    if y.shape[1] not in (1, outputs):
        raise ValueError(f"y has {y.shape[1]} columns, the network was made for {outputs}")
    return np.ascontiguousarray(np.broadcast_to(y, (len(y), outputs)), dtype=dtype)


class DenseEngine:
    """Epochs on a backend, over a flat copy of the estimator's parameters.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Initialised, with its `_optimizer`.
    data : Data
        Rows to train on.
    batch_size : int
        Rows of a mini-batch.
    backend : Backend
        Where the primitives run.
    """

    def __init__(self, estimator: Any, data: Data, batch_size: int, backend: Backend) -> None:
        self._estimator = estimator
        dtype = working_dtype(estimator, data.X)
        sizes = (estimator.coefs_[0].shape[0], *(len(b) for b in estimator.intercepts_))
        self._net = Parameters.zeros(sizes, dtype)
        self._net.load(estimator.coefs_ + estimator.intercepts_)
        self._optimizer = _optimizer(estimator, self._net)
        self._loss_scale = loss_scale(estimator)
        self._epochs = Epochs(
            backend,
            self._net,
            formulas(estimator),
            self._optimizer,
            usable(data.X, dtype),
            targets(estimator, data.y, dtype),
            data.sample_weight,
            batch_size,
            estimator.alpha,
        )

    def run(self, order: Array) -> float:
        """Train on all rows in this order and return the epoch's loss."""
        state = self._estimator._optimizer
        adam = isinstance(self._optimizer, Adam)
        self._optimizer.rate[0] = state.learning_rate_init if adam else state.learning_rate
        return self._epochs.run(order, self._loss_scale)

    def publish(self) -> None:
        """Write weights and optimizer state into the estimator's arrays."""
        self._net.store(self._estimator.coefs_ + self._estimator.intercepts_)
        state = self._estimator._optimizer
        if isinstance(self._optimizer, Adam):
            self._optimizer.m.store(state.ms)
            self._optimizer.v.store(state.vs)
            state.t = t = int(self._optimizer.t[0])
            if t:
                state.learning_rate = (
                    state.learning_rate_init * np.sqrt(1 - state.beta_2**t) / (1 - state.beta_1**t)
                )
        else:
            self._optimizer.velocity.store(state.velocities)


def _optimizer(estimator: Any, net: Parameters) -> SGD | Adam:
    """Copy the state of scikit-learn's optimizer object into flat vectors."""
    state = estimator._optimizer
    rate = np.zeros(1)
    if isinstance(state, SGDOptimizer):  # the solver may have changed since it was made
        velocity = net.zeros_like()
        velocity.load(state.velocities)
        return SGD(rate, velocity, state.momentum, state.nesterov)
    m, v = net.zeros_like(), net.zeros_like()
    m.load(state.ms)
    v.load(state.vs)
    t = np.array([state.t], dtype=np.int64)
    return Adam(rate, m, v, t, state.beta_1, state.beta_2, state.epsilon)


class SparseEngine:
    """Epochs by scikit-learn's own code, for sparse X, which no backend takes.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Initialised, with its `_optimizer`.
    data : Data
        Rows to train on; X is a CSR or CSC matrix.
    batch_size : int
        Rows of a mini-batch.
    buffers : tuple of list
        scikit-learn's activations, deltas, coef_grads and intercept_grads.
    """

    def __init__(
        self, estimator: Any, data: Data, batch_size: int, buffers: tuple[list[Any], ...]
    ) -> None:
        self._estimator, self._data, self._batch_size = estimator, data, batch_size
        self._buffers = buffers

    def run(self, order: Array) -> float:
        """Train on all rows in this order and return the epoch's loss."""
        X, y, sample_weight, *_ = self._data
        parameters = self._estimator.coefs_ + self._estimator.intercepts_
        total = 0.0
        for rows in gen_batches(len(order), self._batch_size):
            batch = order[rows]
            self._buffers[0][0] = X_batch = X[batch]
            weight = None if sample_weight is None else sample_weight[batch]
            loss, *grads = self._estimator._backprop(X_batch, y[batch], weight, *self._buffers)
            total += loss * len(batch)
            self._estimator._optimizer.update_params(parameters, grads[0] + grads[1])
        return total / len(order)

    def publish(self) -> None:
        """Do nothing: scikit-learn's code writes where it reads."""
