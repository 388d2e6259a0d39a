"""The rows of a fit on several ranks: which are trained on or held out, and who has them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse

from ...algorithm.parameters import Array
from ...distributed.current import Together
from ...kernels.group import Group
from ...training.dealing import ELSEWHERE, Deal, Owners, Slices
from ..conversion import working_dtype
from ..rows import Data, divided, were_given


class HeldOut:
    """Rows to validate with, each of which one rank predicts.

    This object takes the place of X: `predicted` is called where an estimator predicts it.
    """

    def __init__(self, X: Any, deal: Deal) -> None:
        dealt = deal.dealt(np.arange(deal.size), deal.size)
        self._X, self._places, self._deal = X[dealt.rows], dealt.place, deal
        self.shape, self.dtype = (deal.size, X.shape[1]), X.dtype

    def __len__(self) -> int:
        return self._deal.size

    def __getitem__(self, index: Any) -> Any:
        return self.__array__()

    def __array__(self, *arguments: Any, **named: Any) -> Array:
        raise ValueError(
            "inside data_parallel scoring must predict the validation rows and not read them: "
            "they are shared out among the processes, and only predictions are gathered"
        )

    def predicted(self, estimator: Any, predict: Callable[[Array, bool], Array]) -> Array:
        """Predict this rank's rows, without checks, and return the predictions of all."""
        dtype = working_dtype(estimator, self._X)
        y_hat = np.zeros((self._deal.size, len(estimator.intercepts_[-1])), dtype=dtype)
        if self._X.shape[0]:
            y_hat[self._places] = predict(self._X, False)
        self._deal.group.all_reduce(y_hat.reshape(-1))
        return y_hat


def split(
    estimator: Any, X: Any, y: Array, sample_weight: Array | None, together: Together
) -> Data:
    """Hold out rows for early stopping and deal out the others; the same draws as of one process.

    X and y are what this rank holds, and stay so; sample weights become those of all ranks' rows.
    """
    group, shards = together.group, together.shards
    X = X.tocsr() if scipy.sparse.issparse(X) else X
    held = _held(X.shape[0], group) if shards else np.arange(X.shape[0])
    given = were_given(estimator)
    scored = shards and estimator.early_stopping and not given  # stratified by labels, and scored
    y_all = np.concatenate(group.exchange(y)) if scored else y
    if shards and sample_weight is not None:
        sample_weight = np.concatenate(group.exchange(sample_weight))
    drawn = divided(estimator, np.arange(len(held)), y_all, sample_weight)

    def deal(rows: Array) -> Deal:
        return Owners(held[rows], group) if shards else Slices(rows, group)

    train, weight = drawn.order, drawn.sample_weight
    data = Data(X, y, None if weight is None else weight[train], drawn.validation, deal(train))
    if drawn.validation is None:
        return data
    val = drawn.validation.X
    own = (val, Slices(np.arange(val.shape[0]), group)) if given else (X, deal(val))
    return data._replace(validation=drawn.validation._replace(X=HeldOut(*own)))


def of_this_rank(
    X: Array, y: Array, sample_weight: Array | None, together: Together
) -> tuple[Array, Array, Array]:
    """Rows that this rank computes where all are computed at once, with their weights.

    One row of weight zero where this rank has none.
    """
    group, shards = together.group, together.shards
    weight = np.ones(len(X)) if sample_weight is None else sample_weight
    if shards:
        return X, y, weight
    rows = slice(len(X) * group.index // group.size, len(X) * (group.index + 1) // group.size)
    if rows.start == rows.stop:
        return X[:1], y[:1], np.zeros(1)
    return X[rows], y[rows], weight[rows]


def _held(rows: int, group: Group) -> Array:
    """Number each row of all ranks in this rank's data; rows come in the order of the ranks."""
    sizes = group.exchange(rows)
    held = np.full(sum(sizes), ELSEWHERE)
    first = sum(sizes[: group.index])
    held[first : first + rows] = np.arange(rows)
    return held
