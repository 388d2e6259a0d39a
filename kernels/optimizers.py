"""What an optimizer's primitive takes besides parameters and gradient, one record for each.

Vectors are as long as the parameters; a quantity that changes from step to step is a one-element
array, so that a recorded step stays right when it is replayed.
"""

from typing import NamedTuple

from .formulas import AdamForm
from .native.arguments import Array


class L2(NamedTuple):
    """The penalty decay/2 ||theta[:decayed]||^2, which a step adds to its gradient."""

    decayed: int
    """How many elements are weights; they come first, biases do not decay."""
    decay: Array
    """alpha over the batch's total weight, one float64."""
    penalty: Array
    """Sum of the batches' penalties so far, one float64."""


class SGD(NamedTuple):
    """Gradient descent with momentum; see `Kernels.sgd`."""

    velocity: Array
    rate: Array
    """Learning rate, one float64."""
    momentum: float
    nesterov: bool
    weight_decay: float = 0.0
    """Share of the rate that each weight shrinks by, beside the step."""

    @property
    def vectors(self) -> tuple[Array, ...]:
        """As long as the parameters."""
        return (self.velocity,)

    @property
    def changed(self) -> tuple[Array, ...]:
        """What a step changes, besides the parameters."""
        return self.vectors


class Adam(NamedTuple):
    """Adam, AdamW and NAdam; see `Kernels.adam`."""

    m: Array
    v: Array
    t: Array
    """Steps taken, this one included, one int64."""
    rate: Array
    """Learning rate, one float64."""
    beta_1: float
    beta_2: float
    epsilon: float
    weight_decay: float = 0.0
    """As for `SGD`."""
    form: AdamForm = AdamForm.ADAM

    @property
    def vectors(self) -> tuple[Array, ...]:
        """As long as the parameters."""
        return self.m, self.v

    @property
    def changed(self) -> tuple[Array, ...]:
        """What a step changes, besides the parameters."""
        return *self.vectors, self.t


class RMSProp(NamedTuple):
    """RMSprop; see `Kernels.rmsprop`."""

    v: Array
    rate: Array
    """Learning rate, one float64."""
    beta_2: float
    epsilon: float
    weight_decay: float = 0.0
    """As for `SGD`."""

    @property
    def vectors(self) -> tuple[Array, ...]:
        """As long as the parameters."""
        return (self.v,)

    @property
    def changed(self) -> tuple[Array, ...]:
        """What a step changes, besides the parameters."""
        return self.vectors


class Lion(NamedTuple):
    """Lion; see `Kernels.lion`."""

    m: Array
    rate: Array
    """Learning rate, one float64."""
    beta_1: float
    beta_2: float
    weight_decay: float = 0.0
    """As for `SGD`."""

    @property
    def vectors(self) -> tuple[Array, ...]:
        """As long as the parameters."""
        return (self.m,)

    @property
    def changed(self) -> tuple[Array, ...]:
        """What a step changes, besides the parameters."""
        return self.vectors


Rule = SGD | Adam | RMSProp | Lion
"""An optimizer that has a primitive."""
