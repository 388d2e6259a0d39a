"""The parameter update: one step of an optimizer over the whole parameter vector."""

from ..kernels.optimizers import L2, SGD, Adam
from ..kernels.protocol import Kernels
from .parameters import Parameters
from .workspace import Workspace

Optimizer = SGD | Adam


def step(
    k: Kernels, optimizer: Optimizer, net: Parameters, grad: Parameters, ws: Workspace
) -> None:
    """Update the parameters from the gradient of a batch."""
    l2 = L2(net.decayed, ws.decay, ws.penalty)
    match optimizer:
        case SGD():
            k.sgd(net.theta, grad.theta, optimizer, l2)
        case Adam():
            k.advance(optimizer.t, 1)
            k.adam(net.theta, grad.theta, optimizer, l2)
