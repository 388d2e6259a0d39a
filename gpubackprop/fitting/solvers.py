"""Optimizers between two calls: the objects that an estimator keeps in `_optimizer`.

scikit-learn has classes for "sgd" and "adam"; those for the other solvers are here, with as much of
the interface of scikit-learn's as its estimators call.
"""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..algorithm.optimizers import SOLVERS
from ..algorithm.parameters import Array
from .scikit_learn import contract
from .scikit_learn.contract import AdamOptimizer, SGDOptimizer


class _Optimizer:
    """State of an optimizer that scikit-learn lacks."""

    constants: ClassVar[tuple[str, ...]]
    vectors: ClassVar[tuple[str, ...]]

    def __init__(self, parameters: list[Array], estimator: Any) -> None:
        self.learning_rate_init = estimator.learning_rate_init
        self.learning_rate = float(estimator.learning_rate_init)
        for name in self.constants:
            setattr(self, name, getattr(estimator, name))
        for name in self.vectors:
            setattr(self, name, [np.zeros_like(each) for each in parameters])

    def iteration_ends(self, time_step: int) -> None:
        """Do nothing: the learning rate stays what it is."""

    def trigger_stopping(self, msg: str, verbose: bool) -> bool:
        """Stop; say so if asked."""
        if verbose:
            print(msg + " Stopping.")
        return True


class AdamWOptimizer(_Optimizer):
    """State of AdamW."""

    constants = ("beta_1", "beta_2", "epsilon")
    vectors = ("ms", "vs")

    def __init__(self, parameters: list[Array], estimator: Any) -> None:
        super().__init__(parameters, estimator)
        self.t = 0


class NAdamOptimizer(AdamWOptimizer):
    """State of NAdam."""


class RMSPropOptimizer(_Optimizer):
    """State of RMSprop."""

    constants = ("beta_2", "epsilon")
    vectors = ("vs",)


class LionOptimizer(_Optimizer):
    """State of Lion."""

    constants = ("beta_1", "beta_2")
    vectors = ("ms",)


class Kept(NamedTuple):
    """Which optimizer an object is the state of, and what of it is kept under which names."""

    solver: str
    constants: tuple[str, ...]
    """As `optimizers.make` takes them."""
    vectors: tuple[str, ...]
    """Lists of arrays shaped as the parameters, in the order of the record's `vectors`."""


OWN: dict[str, type[_Optimizer]] = {
    "adamw": AdamWOptimizer,
    "nadam": NAdamOptimizer,
    "rmsprop": RMSPropOptimizer,
    "lion": LionOptimizer,
}
"""Classes of the solvers that scikit-learn lacks."""
KEPT: dict[type, Kept] = {
    SGDOptimizer: Kept("sgd", ("momentum", "nesterov"), ("velocities",)),
    AdamOptimizer: Kept("adam", ("beta_1", "beta_2", "epsilon"), ("ms", "vs")),
    **{cls: Kept(name, cls.constants, cls.vectors) for name, cls in OWN.items()},
}
"""What is known of each class of `_optimizer`."""
NAMES = ("lbfgs", *(SOLVERS if contract.is_known() else ("sgd", "adam")))
"""Values of `solver`; an unknown scikit-learn is left to train by itself, with its own."""

_OF_STEPS = ("weight_decay", "schedule", "warmup", "clip_norm")
"""Options about an optimizer's steps; None or 0 leaves them as they are."""


def of(optimizer: Any) -> Kept:
    """Look up what is known of an estimator's `_optimizer`."""
    return KEPT[type(optimizer)]


class _PassesForAdam(str):
    """Name of a stochastic solver that scikit-learn's code knows, with the one that is meant."""

    meant: str


def initialize(estimator: Any, original: Callable[..., None], *arguments: Any) -> None:
    """Call scikit-learn's `_initialize`, which knows "sgd" and "adam" alone, with one of the two.

    It would give an estimator with another solver no history.
    """
    solver = getattr(estimator.solver, "meant", estimator.solver)  # another thread may fit it
    if solver in OWN:
        passes = _PassesForAdam("adam")
        passes.meant = solver
        estimator.solver = passes
    try:
        original(*arguments)
    finally:
        estimator.solver = solver


def require_meaning(estimator: Any, own: Any, incremental: bool) -> None:
    """Raise ValueError where options about steps have no meaning for a solver or a call."""
    of_steps = chosen(own)
    if estimator.solver == "lbfgs" and of_steps:
        raise ValueError(
            f"{said(of_steps)}: the solver 'lbfgs' takes no steps that this could change; use one "
            f"of {', '.join(SOLVERS)}"
        )
    timed = {name: value for name, value in of_steps.items() if name in ("schedule", "warmup")}
    if incremental and timed:
        raise ValueError(
            f"{said(timed)}: partial_fit does not know which part of the training it is; use fit, "
            "or set learning_rate_init between calls"
        )
    rate = estimator.learning_rate
    if own.schedule is not None and estimator.solver == "sgd" and rate != "constant":
        raise ValueError(
            f"schedule={own.schedule!r} and learning_rate={rate!r} both set the learning rate; "
            "use learning_rate='constant'"
        )


def chosen(own: Any) -> dict[str, Any]:
    """Read the options about steps that are set."""
    read = {name: getattr(own, name) for name in _OF_STEPS}
    return {name: value for name, value in read.items() if value is not None and value != 0}


def said(chosen: dict[str, Any]) -> str:
    """Name options with their values."""
    return ", ".join(f"{name}={value!r}" for name, value in chosen.items())
