"""The parameter update: gradient descent with momentum, or Adam, each with its state."""

from typing import NamedTuple, Protocol

from ..kernels.protocol import Kernels
from .parameters import Array, Parameters
from .workspace import Workspace


class Optimizer(Protocol):
    """One step of a gradient method over the whole parameter vector."""

    @property
    def rate(self) -> Array:
        """Learning rate, one float64."""

    @property
    def moments(self) -> int:
        """How many vectors as long as the parameters it keeps."""

    @property
    def state(self) -> tuple[Array, ...]:
        """What a step changes, beside the parameters."""

    def step(self, k: Kernels, net: Parameters, grad: Parameters, ws: Workspace) -> None:
        """Update the parameters from the gradient of a batch."""


class SGD(NamedTuple):
    """Gradient descent with momentum; see `Kernels.sgd`."""

    rate: Array
    velocity: Parameters
    momentum: float
    nesterov: bool

    @property
    def moments(self) -> int:
        """The velocity."""
        return 1

    @property
    def state(self) -> tuple[Array, ...]:
        """The velocity."""
        return (self.velocity.theta,)

    def step(self, k: Kernels, net: Parameters, grad: Parameters, ws: Workspace) -> None:
        """Update the parameters from the gradient of a batch."""
        k.sgd(
            net.theta,
            grad.theta,
            self.velocity.theta,
            self.rate,
            self.momentum,
            self.nesterov,
            net.decayed,
            ws.decay,
            ws.penalty,
        )


class Adam(NamedTuple):
    """Adam; see `Kernels.adam`."""

    rate: Array
    m: Parameters
    v: Parameters
    t: Array
    beta_1: float
    beta_2: float
    epsilon: float

    @property
    def moments(self) -> int:
        """First and second."""
        return 2

    @property
    def state(self) -> tuple[Array, ...]:
        """Both moments and the step's number."""
        return (self.m.theta, self.v.theta, self.t)

    def step(self, k: Kernels, net: Parameters, grad: Parameters, ws: Workspace) -> None:
        """Update the parameters from the gradient of a batch."""
        k.advance(self.t, 1)
        k.adam(
            net.theta,
            grad.theta,
            self.m.theta,
            self.v.theta,
            self.t,
            self.rate,
            self.beta_1,
            self.beta_2,
            self.epsilon,
            net.decayed,
            ws.decay,
            ws.penalty,
        )
