"""The parameter update: one step of an optimizer over the whole parameter vector."""

from typing import Any, NamedTuple

import numpy as np

from ..kernels.formulas import AdamForm
from ..kernels.optimizers import L2, SGD, Adam, Lion, RMSProp, Rule
from ..kernels.protocol import Kernels
from .parameters import Array, Parameters
from .workspace import Workspace


class Scheduled(NamedTuple):
    """An optimizer whose learning rate is another one for each batch of an epoch."""

    rule: Rule
    rates: Array
    """Rates of the epoch's batches, (batches, 1) float64."""
    order: Array
    """0 .. batches - 1."""
    cursor: Array
    """Batches of the epoch so far, one int64."""


class Clipped(NamedTuple):
    """An optimizer that is given gradients of a limited norm."""

    optimizer: Rule | Scheduled
    largest: float
    """Norm; infinity measures only."""
    norm: Array
    """Sum of the batches' norms before clipping, one float64."""


Optimizer = Rule | Scheduled | Clipped

SOLVERS: dict[str, dict[str, Any]] = {
    "sgd": {"record": SGD},
    "adam": {"record": Adam, "form": AdamForm.ADAM},
    "adamw": {"record": Adam, "form": AdamForm.ADAMW, "weight_decay": 0.01},
    "nadam": {"record": Adam, "form": AdamForm.NADAM},
    "rmsprop": {"record": RMSProp},
    "lion": {"record": Lion},
}
"""Records of the optimizers by name, with what each fixes or takes by default."""
_DEFAULTS = {
    "momentum": 0.9,
    "nesterov": True,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "epsilon": 1e-8,
    "weight_decay": 0.0,
}


def make(solver: str, net: Parameters, rate: float = 0.0, **constants: Any) -> Any:
    """Make an optimizer at rest, in the memory of the parameters that it will update.

    A constant that is missing or None is scikit-learn's default, and for the weight decay of
    "adamw" PyTorch's, 0.01. ValueError if the optimizer does not have one of them.
    """
    facts = dict(SOLVERS[solver])
    record = facts.pop("record")
    unknown = constants.keys() - (_DEFAULTS.keys() & set(record._fields))
    if unknown:
        raise ValueError(f"the solver {solver!r} has no {', '.join(sorted(unknown))}")
    given = {name: value for name, value in constants.items() if value is not None}
    values = {**_DEFAULTS, **facts, **given, "rate": net.memory.put(np.full(1, float(rate)))}
    for name in record._fields:
        if name in ("velocity", "m", "v"):
            values[name] = net.vector()
        elif name == "t":
            values[name] = net.memory.put(np.zeros(1, dtype=np.int64))
    return record(**{name: values[name] for name in record._fields if name in values})


def rule(optimizer: Optimizer) -> Rule:
    """Find the optimizer that clipping and a schedule are wrapped around."""
    while isinstance(optimizer, Clipped | Scheduled):
        optimizer = optimizer.optimizer if isinstance(optimizer, Clipped) else optimizer.rule
    return optimizer


def step(
    k: Kernels, optimizer: Optimizer, net: Parameters, grad: Parameters, ws: Workspace
) -> None:
    """Update the parameters from the gradient of a batch."""
    theta, l2 = (net.theta, grad.theta), L2(net.decayed, ws.decay, ws.penalty)
    match optimizer:
        case Clipped(inner, largest, norm):
            k.clip(grad.theta, largest, norm)
            step(k, inner, net, grad, ws)
        case Scheduled(inner, rates, order, cursor):
            k.gather(rates, order, cursor, inner.rate.reshape(1, 1))
            k.advance(cursor, 1)
            step(k, inner, net, grad, ws)
        case SGD():
            k.sgd(*theta, optimizer, l2)
        case Adam():
            k.advance(optimizer.t, 1)
            k.adam(*theta, optimizer, l2)
        case RMSProp():
            k.rmsprop(*theta, optimizer, l2)
        case Lion():
            k.lion(*theta, optimizer, l2)
