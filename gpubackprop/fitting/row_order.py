"""The order in which an epoch takes the rows, as `shuffle` says."""

from typing import Any

import numpy as np
from sklearn.utils import shuffle

from ..algorithm.parameters import Array
from ..training import block_order
from .ranks import replicas
from .rows import Data
from .scikit_learn import contract

VALUES = ["boolean", *([contract.StrOptions({"blocks"})] if contract.is_known() else [])]
"""What `shuffle` may be; an unknown scikit-learn is left to train by itself, with its own."""


class Orders:
    """The orders of the epochs of a fit, drawn one after the other; `last` is the last one."""

    def __init__(self, estimator: Any, data: Data) -> None:
        self._estimator, self._data, self.last = estimator, data, data.order

    def __iter__(self) -> "Orders":
        return self

    def __next__(self) -> Array:
        self.last = next_order(self._estimator, self._data, self.last)
        return self.last


def next_order(estimator: Any, data: Data, order: Array) -> Array:
    """Draw the order of the next epoch, from the one before where `shuffle` is a boolean.

    In place, except where a generator is not NumPy's own.
    """
    if is_by_blocks(estimator):
        block_order.draw(order, data.numbers, _block_rows(data.X), estimator._random_state)
    elif estimator.shuffle and is_plain(estimator):
        estimator._random_state.shuffle(order)  # swaps as `sklearn.utils.shuffle`, unchecked
    elif estimator.shuffle:
        order = shuffle(order, random_state=estimator._random_state)
    return order


def is_by_blocks(estimator: Any) -> bool:
    """Whether blocks of rows are shuffled."""
    return isinstance(estimator.shuffle, str)


def is_plain(estimator: Any) -> bool:
    """Whether the generator is NumPy's own: another one may look at the model as it draws."""
    return type(estimator._random_state) is np.random.RandomState


def refuse_for_lbfgs(estimator: Any) -> None:
    """Raise ValueError if an order is asked for where all rows are taken at once."""
    if is_by_blocks(estimator):
        raise ValueError(
            f"shuffle={estimator.shuffle!r}: the solver 'lbfgs' takes all rows at once, in no "
            "order; leave it out, or use another solver"
        )


def _block_rows(X: Any) -> int:
    """Rows of a block, on all ranks the first one's."""
    row_bytes = sum(part.nbytes for part in replicas.arrays_of(X)) / X.shape[0]
    group = replicas.group_of_all()
    return block_order.block_rows(row_bytes if group is None else group.exchange(row_bytes)[0])
