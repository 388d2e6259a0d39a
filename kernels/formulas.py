"""The activations and losses that have a formula, and every fact of them but the formula itself.

One row of `ACTIVATIONS` or `LOSSES` is all that names, pairings, initial weights and memory are
decided by. The formulas of one element are in `elementwise`, for machine code on both processors,
and as a line of NumPy in `reference`.
"""

from enum import Enum, IntEnum
from math import sqrt
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
    LEAKY_RELU = 7
    ELU = 8
    SELU = 9
    GELU = 10
    MISH = 11
    SOFTPLUS = 12
    HARDTANH = 13

    @property
    def reads_pre_activation(self) -> bool:
        """Whether sigma' is written with Z, which then has to be kept beside A."""
        return ACTIVATIONS[self].derivative is Derivative.OF_PRE_ACTIVATION


LEAK = 0.01
"""Slope of the leaky ReLU below 0, as in PyTorch and in A. Maas et al., 2013."""
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
"""SELU's constants: G. Klambauer et al., "Self-normalizing neural networks", 2017."""


class Derivative(Enum):
    """What sigma' is written with."""

    OF_OUTPUT = "A = sigma(Z)"
    OF_PRE_ACTIVATION = "Z"
    WITH_LOSS = "its loss alone: together they are y_hat - y"


class Fans(Enum):
    """What the variance of initial weights is divided by."""

    BOTH = "fan_in + fan_out"
    IN = "fan_in"


class ActivationFacts(NamedTuple):
    """A row of `ACTIVATIONS`."""

    name: str
    """In `Network`, on the command line and in explanations."""
    scikit_learn: str | None
    """scikit-learn's name for it, or None where it has none."""
    derivative: Derivative
    """What the backward pass reads."""
    gain: float = 6.0
    """Initial weights are uniform within sqrt(gain / fans): Glorot's 6 for scikit-learn's
    activations, or what it takes; for the others He's, 6 / E[sigma(z)^2] of a standard normal z, so
    that a layer's outputs have the mean square of its inputs; 3 for SELU, a variance of LeCun's
    1 / fan_in."""
    fans: Fans = Fans.BOTH


_OUTPUT, _Z = Derivative.OF_OUTPUT, Derivative.OF_PRE_ACTIVATION
ACTIVATIONS = {
    Activation.IDENTITY: ActivationFacts("identity", "identity", _OUTPUT),
    Activation.RELU: ActivationFacts("relu", "relu", _OUTPUT),
    Activation.SIGMOID: ActivationFacts("sigmoid", "logistic", _OUTPUT, gain=2.0),
    Activation.TANH: ActivationFacts("tanh", "tanh", _OUTPUT),
    Activation.SOFTMAX: ActivationFacts("softmax", "softmax", Derivative.WITH_LOSS),
    Activation.EXP: ActivationFacts("exp", "exp", Derivative.WITH_LOSS),
    Activation.SILU: ActivationFacts("silu", None, _Z, gain=16.865),
    Activation.LEAKY_RELU: ActivationFacts("leaky_relu", None, _OUTPUT, gain=11.9988),
    Activation.ELU: ActivationFacts("elu", None, _OUTPUT, gain=9.303),
    Activation.SELU: ActivationFacts("selu", None, _OUTPUT, gain=3.0, fans=Fans.IN),
    Activation.GELU: ActivationFacts("gelu", None, _Z, gain=14.110),
    Activation.MISH: ActivationFacts("mish", None, _Z, gain=13.264),
    Activation.SOFTPLUS: ActivationFacts("softplus", None, _OUTPUT, gain=6.513),
    Activation.HARDTANH: ActivationFacts("hardtanh", None, _OUTPUT, gain=11.627),
}
"""Every activation."""


def initial_bound(activation: Activation, fan_in: int, fan_out: int) -> float:
    """Initial weights and biases of a layer are uniform between this and its negative."""
    row = ACTIVATIONS[activation]
    fans = fan_in if row.fans is Fans.IN else fan_in + fan_out
    return sqrt(row.gain / fans)


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

    hidden: Activation | tuple[Activation, ...]
    """Of all hidden layers, or of each."""
    output: Activation
    """Of the last layer."""
    loss: Loss

    def activations(self, layers: int) -> tuple[Activation, ...]:
        """Sigma of each of L layers."""
        hidden = self.hidden if isinstance(self.hidden, tuple) else (self.hidden,) * (layers - 1)
        return (*hidden, self.output)

    def drawn_for(self, layer: int) -> Activation:
        """Activation that the initial weights of a layer are drawn for, counted from 0.

        That of the last hidden layer for the output's too, as scikit-learn has it.
        """
        if isinstance(self.hidden, Activation):
            return self.hidden
        hidden = self.hidden or (self.output,)
        return hidden[min(layer, len(hidden) - 1)]

    def apart(self, layers: int) -> tuple[bool, ...]:
        """Whether each of L layers keeps Z beside A, for sigma' to read."""
        return tuple(sigma.reads_pre_activation for sigma in self.activations(layers))
