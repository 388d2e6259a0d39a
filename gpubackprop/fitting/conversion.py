"""A scikit-learn estimator in the terms of the algorithm: formulas, parameters, state, targets."""

from typing import Any

import numpy as np

from ..algorithm.memory import HOST, Memory
from ..algorithm.optimizers import Optimizer
from ..algorithm.parameters import Array, Parameters
from ..backends.cuda import device_arrays
from ..backprop import Formulas
from ..kernels.formulas import Activation, Loss
from ..kernels.optimizers import SGD, Adam
from .contract import SGDOptimizer

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
    """Return X itself where the primitives can read it in place, else a copy where it lies."""
    if device_arrays.on_gpu(X):
        X = X.astype(dtype, copy=False)
        backwards = min(X.strides) < 0  # kernels count rows upwards
        return device_arrays.namespace(X).ascontiguousarray(X) if backwards else X
    return np.require(X, dtype=dtype, requirements=["ALIGNED"])


def targets(estimator: Any, y: Array, dtype: np.dtype[Any]) -> Array:
    """Targets as the network's outputs lie, where y lies; a single column goes for all of them.

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
    xp = device_arrays.namespace(y)
    Y: Array = xp.ascontiguousarray(xp.broadcast_to(y, (len(y), outputs)), dtype=dtype)
    return Y


def layer_sizes(estimator: Any) -> tuple[int, ...]:
    """d_0 .. d_L of an initialised estimator."""
    return (estimator.coefs_[0].shape[0], *(len(b) for b in estimator.intercepts_))


def network(estimator: Any, dtype: np.dtype[Any], memory: Memory = HOST) -> Parameters:
    """Copy the estimator's parameters, which may have any type and memory order."""
    net = Parameters.zeros(layer_sizes(estimator), dtype, memory)
    net.load([*estimator.coefs_, *estimator.intercepts_])
    return net


def optimizer(estimator: Any, net: Parameters) -> Optimizer:
    """Copy the state of scikit-learn's optimizer object into flat vectors."""
    state = estimator._optimizer
    rate = net.memory.put(np.zeros(1))
    if isinstance(state, SGDOptimizer):  # the solver may have changed since it was made
        velocity = net.zeros_like()
        velocity.load(state.velocities)
        return SGD(velocity.theta, rate, state.momentum, state.nesterov)
    m, v = net.zeros_like(), net.zeros_like()
    m.load(state.ms)
    v.load(state.vs)
    t = net.memory.put(np.array([state.t], dtype=np.int64))
    return Adam(m.theta, v.theta, t, rate, state.beta_1, state.beta_2, state.epsilon)
