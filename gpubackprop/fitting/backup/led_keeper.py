"""The backup of a fit on several ranks: the first one saves, and all go on from what it found."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from ...algorithm.parameters import Array
from ...kernels.group import Group
from ..epoch_loop import Engine
from ..ranks.replicas import (
    array_of_first,
    numbers,
    take_first_arrays,
    take_first_generator,
    take_numbers,
)
from .keeper import Keeper, NoKeeper
from .termination import Termination

_LISTS = ("loss_curve_", "validation_scores_", "history_")
_BEST = {"_best_coefs": "coefs_", "_best_intercepts": "intercepts_"}
"""Copies of the best weights, by what they are copies of."""


class LedKeeper:
    """Keeper of one rank's estimator, which follows the first rank's.

    The first rank's `keeper` saves, that of any other keeps nothing; `termination` is of this
    rank's process.
    """

    def __init__(
        self, keeper: Keeper | NoKeeper, estimator: Any, group: Group, termination: Termination
    ) -> None:
        self._keeper, self._estimator, self._group = keeper, estimator, group
        self._termination = termination

    def resume(self, engine: Engine, order: Array) -> None:
        """Go on from the state that the first rank has found, if any."""
        self._keeper.resume(engine, order)
        if self._group.exchange(self._estimator.n_iter_)[0] == 0:
            return
        engine.publish()
        take_first_generator(self._estimator, self._group)
        order[...] = array_of_first(order, self._group)
        self._take_history()
        take_first_arrays(self._estimator, self._group)
        if self._group.index != 0:
            engine.begin()

    def epoch_ended(self, engine: Engine, order: Array) -> None:
        """Save the state if it is time, or if a rank's process is about to end: all end then."""
        if any(self._group.exchange(self._termination.waits)):
            self._keeper.save(engine, order)
            self._group.exchange(None)  # a rank that ended before would end the one that saves
            self._termination.come()
            self._termination.let_through()
        else:
            self._keeper.save_if_due(engine, order)

    def finished(self) -> None:
        """Forget what was saved, unless a rank's process ends before the model can be of use."""
        if any(self._group.exchange(self._termination.waits)):
            self._termination.come()
        self._keeper.finished()

    def _take_history(self) -> None:
        estimator, group = self._estimator, self._group
        own = {name: getattr(estimator, name, None) for name in _LISTS}
        has_best = group.index == 0 and getattr(estimator, "_best_coefs", None) is not None
        first, counted, has_best = group.exchange((own, numbers(estimator), has_best))[0]
        if group.index != 0:
            vars(estimator).update({name: value for name, value in first.items() if value})
            take_numbers(estimator, counted)
        for name, live in _BEST.items() if has_best else ():
            mine = getattr(estimator, name if group.index == 0 else live)
            setattr(estimator, name, [array_of_first(np.asarray(array), group) for array in mine])


@contextmanager
def led(keeper: Keeper | NoKeeper, estimator: Any, group: Group) -> Iterator[LedKeeper | NoKeeper]:
    """Within a `with`, let all ranks go on from what the first one's keeper has found."""
    saves = group.exchange(isinstance(keeper, Keeper))[0]
    with ExitStack() as held:
        if not saves:
            yield NoKeeper()
        elif isinstance(keeper, Keeper):
            yield LedKeeper(keeper, estimator, group, keeper.termination)
        else:
            yield LedKeeper(keeper, estimator, group, held.enter_context(Termination()))
