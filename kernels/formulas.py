"""The activations and losses that have a formula, and every fact of them but the formula itself.

One row of `ACTIVATIONS` or `LOSSES` is all that names, pairings, initial weights and memory are
decided by. The formulas of one element are in `elementwise`, for machine code on both processors,
and as a line of NumPy in `reference`.
"""

from enum import Enum, IntEnum
from typing import NamedTuple


class Activation(IntEnum):
    """sigma in A = sigma(Z)."""

    IDENTITY = 0
    RELU = 1
    SIGMOID = 2
    TANH = 3
    SOFTMAX = 4
    EXP = 5
    SILU = 6

    @property
    def reads_pre_activation(self) -> bool:
        """Whether sigma' is written with Z, which then has to be kept beside A."""
        return ACTIVATIONS[self].derivative is Derivative.OF_PRE_ACTIVATION


class Derivative(Enum):
    """What sigma' is written with."""

    OF_OUTPUT = "A = sigma(Z)"
    OF_PRE_ACTIVATION = "Z"
    WITH_LOSS = "its loss alone: together they are y_hat - y"


class ActivationFacts(NamedTuple):
    """A row of `ACTIVATIONS`."""

    name: str
    """In `Network`, on the command line and in explanations."""
    scikit_learn: str | None
    """scikit-learn's name for it, or None where it has none."""
    derivative: Derivative
    """What the backward pass reads."""
    gain: float = 6.0
    """Initial weights are uniform within sqrt(gain / (fan_in + fan_out)): Glorot's 6, or what
    scikit-learn takes."""


ACTIVATIONS = {
    Activation.IDENTITY: ActivationFacts("identity", "identity", Derivative.OF_OUTPUT),
    Activation.RELU: ActivationFacts("relu", "relu", Derivative.OF_OUTPUT),
    Activation.SIGMOID: ActivationFacts("sigmoid", "logistic", Derivative.OF_OUTPUT, gain=2.0),
    Activation.TANH: ActivationFacts("tanh", "tanh", Derivative.OF_OUTPUT),
    Activation.SOFTMAX: ActivationFacts("softmax", "softmax", Derivative.WITH_LOSS),
    Activation.EXP: ActivationFacts("exp", "exp", Derivative.WITH_LOSS),
    Activation.SILU: ActivationFacts("silu", None, Derivative.OF_PRE_ACTIVATION),
}
"""Every activation."""


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


ELEMENTWISE = tuple(
    a for a, row in ACTIVATIONS.items() if row.derivative is not Derivative.WITH_LOSS
)
"""Activations of hidden layers: their derivative is a function of each element alone."""
_OF_OUTPUT = tuple(a for a in ELEMENTWISE if not a.reads_pre_activation)


class LossFacts(NamedTuple):
    """A row of `LOSSES`."""

    name: str
    """In `Network`, on the command line and in explanations."""
    scikit_learn: str
    """scikit-learn's name for it."""
    outputs: tuple[Activation, ...]
    """Activations of the last layer that the output error has a formula with."""


LOSSES = {
    Loss.SQUARED_ERROR: LossFacts("squared_error", "squared_error", _OF_OUTPUT),
    Loss.CROSS_ENTROPY: LossFacts("cross_entropy", "log_loss", (Activation.SOFTMAX,)),
    Loss.BINARY_CROSS_ENTROPY: LossFacts("binary_cross_entropy", "log_loss", (Activation.SIGMOID,)),
    Loss.POISSON: LossFacts("poisson", "poisson", (Activation.EXP,)),
}
"""Every loss."""

PAIRINGS = {loss: row.outputs for loss, row in LOSSES.items()}
"""Activations of the last layer that the output error has a formula with, by loss."""


class Formulas(NamedTuple):
    """What a network computes: sigma of its layers, and the loss."""

    hidden: Activation
    """Of the hidden layers."""
    output: Activation
    """Of the last layer."""
    loss: Loss

    def activations(self, layers: int) -> tuple[Activation, ...]:
        """Sigma of each of L layers."""
        return (self.hidden,) * (layers - 1) + (self.output,)

    def apart(self, layers: int) -> tuple[bool, ...]:
        """Whether each of L layers keeps Z beside A, for sigma' to read."""
        return tuple(sigma.reads_pre_activation for sigma in self.activations(layers))
