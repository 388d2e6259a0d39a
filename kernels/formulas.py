"""The activations and losses that have a formula, and every fact of them but the formula itself.

One row of `ACTIVATIONS` or `LOSSES` is all that names, pairings, initial weights and memory are
decided by. The formulas of one element are in `elementwise`, for machine code on both processors,
and as a line of NumPy in `reference`.
"""

from collections.abc import Sequence
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

    @property
    def reads_scale(self) -> bool:
        """Whether sigma' is written with more of A than its sign, which dropout does not leave."""
        return ACTIVATIONS[self].derivative is Derivative.OF_OUTPUT and self not in _OF_SIGN


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


Hidden = Activation | tuple[Activation, ...]
"""Activation of all hidden layers, or of each."""


def initial_bound(hidden: Hidden, layer: int, fan_in: int, fan_out: int) -> float:
    """Bound of the uniform initial weights and biases of a layer, counted from 0.

    The output's are drawn as the last hidden layer's, as scikit-learn has it.
    """
    each = (hidden or (Activation.IDENTITY,)) if isinstance(hidden, tuple) else (hidden,)
    row = ACTIVATIONS[each[min(layer, len(each) - 1)]]
    fans = fan_in if row.fans is Fans.IN else fan_in + fan_out
    return sqrt(row.gain / fans)


class Loss(IntEnum):
    """L(y_hat, y) of one example; a batch's loss is the sum weighted with its shares.

    With p = y_hat clipped to [eps, 1 - eps], eps the machine epsilon of its type, r = y_hat - y and
    a constant c of each output:

    - SQUARED_ERROR: 1/2 ||r||^2
    - CROSS_ENTROPY: -sum_k y_k log p_k
    - BINARY_CROSS_ENTROPY: -sum_k [y_k log p_k + (1 - y_k) log(1 - p_k)]
    - POISSON: sum_k [y_k log(y_k / y_hat_k) - y_k + y_hat_k]
    - GAMMA: sum_k [y_k / y_hat_k - log(y_k / y_hat_k) - 1]
    - ABSOLUTE_ERROR: sum_k |r_k|
    - HUBER: sum_k [1/2 r_k^2 where |r_k| <= c_k, else c_k (|r_k| - c_k / 2)]
    - LOG_COSH: sum_k log cosh r_k
    - QUANTILE: sum_k [(1 - c_k) r_k where r_k > 0, else -c_k r_k], of level c_k
    - FOCAL: -sum_k y_k (1 - p_k)^c_k log p_k
    - BINARY_FOCAL: -sum_k [y_k (1 - p_k)^c_k log p_k + (1 - y_k) p_k^c_k log(1 - p_k)]

    The output error dL/dz, with the activation that `LossFacts.paired` names, is y_hat - y for the
    first four, and 1 - y / y_hat, sign(r), r clipped to [-c, c], tanh r, and 1 - c or -c by the
    sign of r. Another sigma multiplies it by sigma'(z). A kink's derivative is 0. Focal loss
    (T.-Y. Lin et al., "Focal loss for dense object detection", 2017) has f(p) = -(1 - p)^c log p,
    f'(p) p = (1 - p)^c (c p log p / (1 - p) - 1): with softmax the error is g - p sum_k g_k of
    g_k = y_k f'(p_k) p_k, and with the sigmoid y f'(p) p (1 - p), less the same of 1 - y and 1 - p.
    """

    SQUARED_ERROR = 0
    CROSS_ENTROPY = 1
    BINARY_CROSS_ENTROPY = 2
    POISSON = 3
    GAMMA = 4
    ABSOLUTE_ERROR = 5
    HUBER = 6
    LOG_COSH = 7
    QUANTILE = 8
    FOCAL = 9
    BINARY_FOCAL = 10

    def error_is_of(self, activation: Activation) -> bool:
        """Whether this loss's error is dL/dz with an activation, so that sigma' is in it."""
        return LOSSES[self].paired is activation


ELEMENTWISE = tuple(
    a for a, row in ACTIVATIONS.items() if row.derivative is not Derivative.WITH_LOSS
)
"""Activations of hidden layers: their derivative is a function of each element alone."""
_OF_SIGN = (Activation.IDENTITY, Activation.RELU, Activation.LEAKY_RELU)
_OF_OUTPUT = tuple(a for a in ELEMENTWISE if not a.reads_pre_activation)


class LossFacts(NamedTuple):
    """A row of `LOSSES`."""

    name: str
    """In `Network`, on the command line and in explanations."""
    estimators: str
    """In the estimators: scikit-learn's name for it, or that of its gradient boosting."""
    outputs: tuple[Activation, ...]
    """Activations of the last layer that the output error has a formula with."""
    paired: Activation
    """Activation whose derivative is in the formula of the error; identity where none is."""
    constant: float | None = None
    """Usual constant of each output, where the loss has one."""


_IDENTITY, _SOFTMAX, _SIGMOID = Activation.IDENTITY, Activation.SOFTMAX, Activation.SIGMOID
_EXP = Activation.EXP
LOSSES = {
    Loss.SQUARED_ERROR: LossFacts("squared_error", "squared_error", _OF_OUTPUT, _IDENTITY),
    Loss.CROSS_ENTROPY: LossFacts("cross_entropy", "log_loss", (_SOFTMAX,), _SOFTMAX),
    Loss.BINARY_CROSS_ENTROPY: LossFacts("binary_cross_entropy", "log_loss", (_SIGMOID,), _SIGMOID),
    Loss.POISSON: LossFacts("poisson", "poisson", (_EXP,), _EXP),
    Loss.GAMMA: LossFacts("gamma", "gamma", (_EXP,), _EXP),
    Loss.ABSOLUTE_ERROR: LossFacts("absolute_error", "absolute_error", _OF_OUTPUT, _IDENTITY),
    Loss.HUBER: LossFacts("huber", "huber", _OF_OUTPUT, _IDENTITY, constant=1.0),
    Loss.LOG_COSH: LossFacts("log_cosh", "log_cosh", _OF_OUTPUT, _IDENTITY),
    Loss.QUANTILE: LossFacts("quantile", "quantile", _OF_OUTPUT, _IDENTITY, constant=0.5),
    Loss.FOCAL: LossFacts("focal", "focal", (_SOFTMAX,), _IDENTITY, constant=2.0),
    Loss.BINARY_FOCAL: LossFacts("binary_focal", "focal", (_SIGMOID,), _SIGMOID, constant=2.0),
}
"""Every loss."""


class AdamForm(IntEnum):
    """How Adam's moments, which start at zero, are corrected; see `Kernels.adam`."""

    ADAM = 0
    """epsilon stands outside the correction, as in scikit-learn."""
    ADAMW = 1
    """epsilon is added after the correction, as in PyTorch."""
    NADAM = 2
    """The same with Nesterov's momentum."""


PAIRINGS = {loss: row.outputs for loss, row in LOSSES.items()}
"""Activations of the last layer that the output error has a formula with, by loss."""


class Formulas(NamedTuple):
    """What a network computes: sigma of its layers, and the loss."""

    hidden: Hidden
    output: Activation
    """Of the last layer."""
    loss: Loss
    constants: tuple[float, ...] = ()
    """The loss's constant of each output, or one for all; none for its usual one."""

    def activations(self, layers: int) -> tuple[Activation, ...]:
        """Sigma of each of L layers."""
        hidden = self.hidden if isinstance(self.hidden, tuple) else (self.hidden,) * (layers - 1)
        return (*hidden, self.output)

    def apart(self, layers: int, rates: Sequence[float] = ()) -> tuple[bool, ...]:
        """Whether each of L layers keeps what sigma' reads beside what the next layer reads.

        It keeps Z where sigma' reads that, and its output where some of it is dropped and sigma'
        reads more than its sign: `rates` are those of the layers 0 .. L-1.
        """
        sigmas = self.activations(layers)
        dropped = (*map(bool, rates[1:]), *(False,) * layers)
        return tuple(
            s.reads_pre_activation or (d and s.reads_scale)
            for s, d in zip(sigmas, dropped, strict=False)
        )
