"""Libraries that differentiate by reverse mode, and the networks' losses in their operations."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .peer import peer

Values = Any
"""An array of some library."""


class Library(NamedTuple):
    """Operations of a library that differentiating these networks takes."""

    sigma: dict[str, Callable[[Values], Values]]
    log: Callable[[Values], Values]
    array: Callable[[Any], Values]
    gradient: Callable[[Callable[[list[Values]], Values], list[Values]], list[Any]]
    """Gradient of a function of a list of arrays, by automatic differentiation."""


def pytorch() -> Library:
    torch = peer("torch")

    def gradient(loss: Callable[[list[Values]], Values], at: list[Values]) -> list[Any]:
        leaves = [values.requires_grad_() for values in at]
        return [g.numpy() for g in torch.autograd.grad(loss(leaves), leaves)]

    sigma = {name: getattr(torch, name) for name in ("sigmoid", "tanh", "relu")}
    functional, named = torch.nn.functional, ("leaky_relu", "elu", "selu", "gelu", "silu", "mish")
    sigma |= {name: getattr(functional, name) for name in (*named, "softplus", "hardtanh")}
    sigma["exp"] = torch.exp
    sigma["softmax"] = lambda Z: torch.softmax(Z, 1)
    return Library(sigma, torch.log, torch.tensor, gradient)


def jax() -> Library:
    jax = peer("jax")
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_default_device", jax.devices("cpu")[0])  # a GPU's products may round

    def gradient(loss: Callable[[list[Values]], Values], at: list[Values]) -> list[Any]:
        return [np.asarray(g) for g in jax.jit(jax.grad(loss))(at)]

    named = ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "silu", "mish", "softplus")
    sigma = {name: getattr(jax.nn, name) for name in (*named, "softmax")}
    sigma["hardtanh"], sigma["exp"] = jax.nn.hard_tanh, jax.numpy.exp
    sigma["gelu"] = lambda Z: jax.nn.gelu(Z, approximate=False)
    return Library(sigma, jax.numpy.log, jax.numpy.asarray, gradient)


LIBRARIES = {"PyTorch": pytorch, "JAX": jax}


def _huber(size: Values) -> Values:
    """Huber's loss of delta 1, of the sizes of errors."""
    return (size <= 1) * (size**2 / 2) + (size > 1) * (size - 0.5)


def loss_of(
    library: Library, hidden: str, head: tuple[str, str], X: Values, Y: Values
) -> Callable[[list[Values]], Values]:
    """The loss as a function of weights and biases, in a library's own operations."""
    loss, output = head
    sigma = {"identity": lambda Z: Z, **library.sigma}
    log, exp = library.log, library.sigma["exp"]
    losses = {
        "squared_error": lambda A: ((A - Y) ** 2).sum() / 2,
        "cross_entropy": lambda A: -(Y * library.log(A)).sum(),
        "binary_cross_entropy": lambda A: (
            -(Y * library.log(A) + (1 - Y) * library.log(1 - A)).sum()
        ),
        "poisson": lambda A: (A - Y * log(A)).sum(),
        "gamma": lambda A: (Y / A + log(A)).sum(),
        "absolute_error": lambda A: abs(A - Y).sum(),
        "huber": lambda A: _huber(abs(A - Y)).sum(),
        "log_cosh": lambda A: log((exp(A - Y) + exp(Y - A)) / 2).sum(),
        "quantile": lambda A: abs(A - Y).sum() / 2,
        "focal": lambda A: -(Y * (1 - A) ** 2 * log(A)).sum(),
        "binary_focal": lambda A: -(Y * (1 - A) ** 2 * log(A) + (1 - Y) * A**2 * log(1 - A)).sum(),
    }

    def function(parameters: list[Values]) -> Values:
        depth, A = len(parameters) // 2, X
        for l, (W, b) in enumerate(zip(parameters[:depth], parameters[depth:], strict=True)):
            A = sigma[output if l == depth - 1 else hidden](A @ W.T + b)
        return losses[loss](A) / len(X)

    return function
