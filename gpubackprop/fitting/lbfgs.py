"""Training by L-BFGS, in the place of `BaseMultilayerPerceptron._fit_lbfgs`.

Our estimators call `fit_lbfgs`, and scikit-learn's own where they are accelerated.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .. import backends
from ..algorithm.parameters import Array
from ..backends import Backend, threads
from ..distributed.current import current
from . import epoch_loop, overrides, row_order, validation
from .backup.callback import refuse_for_lbfgs
from .conversion import in_chosen_dtype, layer_sizes, refuse_layers
from .engines.choice import choice
from .engines.full_batch import FullBatch, FullBatchEstimator
from .engines.full_batch_of_ranks import RankFullBatch
from .options import class_weight, formula_names, regularisation
from .options.values import options
from .ranks import devices, replicas
from .ranks.rows import of_this_rank


def fit_lbfgs(
    estimator: Any,
    original: Callable[..., None],
    X: Any,
    y: Array,
    sample_weight: Array | None,
    activations: list[Any],
    deltas: list[Any],
    coef_grads: list[Any],
    intercept_grads: list[Any],
    layer_units: list[int],
) -> None:
    """Train by L-BFGS; the arguments are those of scikit-learn's `_fit_lbfgs`, the original."""
    validation.refuse_without_epochs(estimator)
    formula_names.require_same_output(estimator)
    if tuple(layer_units) != layer_sizes(estimator):
        refuse_layers(layer_units, estimator, ValueError)
    refuse_for_lbfgs(options(estimator).callbacks)
    row_order.refuse_for_lbfgs(estimator)
    replicas.require_alike(estimator, X, y, sample_weight)
    sample_weight = class_weight.weighted(estimator, y, sample_weight)
    others = (activations, deltas, coef_grads, intercept_grads, layer_units)
    own, reason = options(estimator), overrides.in_full_batch(estimator, X)
    if reason:
        replicas.require_alone(reason)
        overrides.hand_down(estimator, X, reason)
        X = in_chosen_dtype(estimator, X)
        original(X, y, sample_weight, *others)
        return
    dtype = backends.dtype_of(own.precision) or np.dtype(np.float64)  # SciPy's own
    y = regularisation.smoothed(estimator, y)

    def solve(estimator: Any) -> None:
        chosen = choice(estimator, X, X.shape[0], estimator.max_iter)
        make = _full_batch(estimator, X, y, sample_weight, dtype)
        with backends.begun(chosen, make) as full_batch:
            solver = FullBatchEstimator(estimator, full_batch)
            full_batch.solve(partial(solver.solve, X, y, sample_weight, *others))

    def train(estimator: Any) -> None:
        threads.giving_back(partial(solve, estimator))
        estimator.loss_ = epoch_loop.loss_type(estimator, X, y, sample_weight)(estimator.loss_)

    devices.train(estimator, X, train)


def _full_batch(
    estimator: Any, X: Array, y: Array, sample_weight: Array | None, dtype: np.dtype[Any]
) -> Callable[[Backend], FullBatch]:
    """Return what makes all rows ready, or a rank's rows where several train together."""
    together = current()
    if together is None:
        return partial(FullBatch, estimator, X, y, sample_weight, dtype)
    replicas.begin_as_first(estimator, together.group)
    own = of_this_rank(X, y, sample_weight, together)
    return partial(RankFullBatch, estimator, *own, dtype, together.group)
