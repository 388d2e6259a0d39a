"""JAX with a whole epoch compiled: jit around lax.scan over the batches, and the tail batch."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ..problems import Array, Problem
from ..start import ALPHA, BETA_1, BETA_2, EPSILON, RATE, Start, start
from .contestant import Training, time_epochs

_ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh, "logistic": jax.nn.sigmoid}

State = Any
"""Parameters, moments and the number of steps."""


class JaxScan:
    """A list of (W, b), trained by one compiled function an epoch."""

    def __init__(self, start: Start, problem: Problem, activation: str) -> None:
        self._start = start
        self._X, self._labels = jnp.asarray(start.X), jnp.asarray(start.labels)
        self._epoch = _compiled_epoch(_ACTIVATIONS[activation], problem.batch)

    def train(self, epochs: int) -> Training:
        state = self._initial()

        def epoch(order: Array) -> float:
            nonlocal state
            state, loss = self._epoch(state, jnp.asarray(order), self._X, self._labels)
            return float(loss)

        return time_epochs(epoch, self._start.orders(), epochs)

    def versions(self) -> dict[str, str]:
        return {"jax": jax.__version__, "devices": str(jax.devices())}

    def _initial(self) -> State:
        layers = zip(self._start.weights, self._start.biases, strict=True)
        net = [(jnp.array(W), jnp.array(b)) for W, b in layers]
        zeros = [jax.tree.map(jnp.zeros_like, net) for _ in range(2)]
        return (net, *zeros, jnp.zeros((), dtype=self._X.dtype))


def _compiled_epoch(activation: Callable[[Any], Any], batch: int) -> Any:
    def loss_of(net: Any, X: Any, labels: Any) -> tuple[Any, Any]:
        """The loss to differentiate, and the one to report, its probabilities clipped."""
        A = X
        for W, b in net[:-1]:
            A = activation(A @ W + b)
        W, b = net[-1]
        log_p = jax.nn.log_softmax(A @ W + b)
        likelihood = jnp.take_along_axis(log_p, labels[:, None], axis=1)
        penalty = 0.5 * ALPHA / len(X) * sum(jnp.vdot(W, W) for W, _ in net)
        clipped = jnp.maximum(likelihood, jnp.log(jnp.finfo(X.dtype).eps))
        return penalty - likelihood.mean(), penalty - clipped.mean()

    gradient = jax.grad(loss_of, has_aux=True)

    def epoch(state: State, order: Any, X: Any, labels: Any) -> tuple[State, Any]:
        def step(state: State, rows: Any) -> tuple[State, Any]:
            grad, loss = gradient(state[0], X[rows], labels[rows])
            return _adam(state, grad), loss * len(rows)

        whole = len(order) // batch * batch
        state, losses = jax.lax.scan(step, state, order[:whole].reshape(-1, batch))
        total = losses.sum()
        if whole < len(order):
            state, loss = step(state, order[whole:])
            total += loss
        return state, total / len(order)

    return jax.jit(epoch, donate_argnums=0)


def _adam(state: State, grad: Any) -> State:
    net, m, v, t = state
    t += 1
    m = jax.tree.map(lambda m, g: BETA_1 * m + (1 - BETA_1) * g, m, grad)
    v = jax.tree.map(lambda v, g: BETA_2 * v + (1 - BETA_2) * g * g, v, grad)
    # expm1: 1 - 0.999^t loses half of float32's digits
    rate = RATE * jnp.sqrt(_one_minus_power(BETA_2, t)) / _one_minus_power(BETA_1, t)
    net = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + EPSILON), net, m, v)
    return (net, m, v, t)


def _one_minus_power(beta: float, t: Any) -> Any:
    return -jnp.expm1(t * math.log(beta))


def enter(problem: Problem, dtype: str, activation: str) -> JaxScan:
    jax.config.update("jax_enable_x64", dtype == "float64")
    jax.config.update("jax_default_matmul_precision", "highest")  # else a GPU rounds to TF32
    return JaxScan(start(problem, dtype, activation), problem, activation)
