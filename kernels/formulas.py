"""The activations and losses that have a formula here, and which of them go together."""

from enum import IntEnum


class Activation(IntEnum):
    """sigma in A = sigma(Z)."""

    IDENTITY = 0
    RELU = 1
    SIGMOID = 2
    TANH = 3
    SOFTMAX = 4
    EXP = 5


class Loss(IntEnum):
    """L(y_hat, y) of one example; a batch's loss is the sum weighted with its shares.

    With p = y_hat clipped to [eps, 1 - eps], eps the machine epsilon of its type:

    - SQUARED_ERROR: 1/2 ||y_hat - y||^2
    - CROSS_ENTROPY: -sum_k y_k log p_k
    - BINARY_CROSS_ENTROPY: -sum_k [y_k log p_k + (1 - y_k) log(1 - p_k)]
    - POISSON: sum_k [y_k log(y_k / y_hat_k) - y_k + y_hat_k]
    """

    SQUARED_ERROR = 0
    CROSS_ENTROPY = 1
    BINARY_CROSS_ENTROPY = 2
    POISSON = 3


ELEMENTWISE = (Activation.IDENTITY, Activation.RELU, Activation.SIGMOID, Activation.TANH)
"""Activations whose derivative is a function of each output alone: the hidden layers' choice."""

PAIRINGS: dict[Loss, tuple[Activation, ...]] = {
    Loss.SQUARED_ERROR: ELEMENTWISE,
    Loss.CROSS_ENTROPY: (Activation.SOFTMAX,),
    Loss.BINARY_CROSS_ENTROPY: (Activation.SIGMOID,),
    Loss.POISSON: (Activation.EXP,),
}
"""Output activations with a formula for the output error, by loss."""
