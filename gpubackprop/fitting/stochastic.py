"""Training by mini-batches, in the place of `BaseMultilayerPerceptron._fit_stochastic`.

Our estimators call `fit_stochastic`, and scikit-learn's own where they are accelerated.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import scipy.sparse

from ..algorithm.parameters import Array
from ..backends import threads
from ..distributed.current import current, is_first
from . import epoch_loop, overrides, rows
from .backup.callback import asked_for
from .backup.keeper import keeping
from .backup.led_keeper import led
from .callbacks import epoch_history, hooks
from .conversion import in_chosen_dtype, refuse_layers
from .engines import choice, kept
from .engines.steps import StepEngine
from .options import class_weight, formula_names, regularisation
from .options.values import options
from .ranks import devices, replicas
from .ranks.rows import split


def fit_stochastic(
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
    incremental: bool,
) -> None:
    """Train by mini-batches.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Initialised.
    original : callable
        The method that would have run, bound to the estimator: it trains what no engine takes.
    X, y, sample_weight, activations, deltas, coef_grads, intercept_grads, layer_units, incremental
        Its arguments.
    """
    formula_names.require_same_output(estimator)
    replicas.require_alike(estimator, X, y, sample_weight)
    sample_weight = class_weight.weighted(estimator, y, sample_weight)
    own, buffers = options(estimator), (activations, deltas, coef_grads, intercept_grads)
    if not incremental or not hasattr(estimator, "_optimizer"):
        epoch_loop.set_optimizer(estimator)
    reason = overrides.in_training(estimator, X)
    if reason:
        replicas.require_alone(reason)
        overrides.hand_down(estimator, X, reason)
        X = in_chosen_dtype(estimator, X)
    told = own.callbacks or hooks.has_callbacks(estimator)
    ours_alone = told or own.scoring is not None or rows.were_given(estimator)
    if reason and not ours_alone:
        epoch_history.follow(estimator)  # a first fit has emptied its curve
        original(X, y, sample_weight, *buffers, layer_units, incremental)
        epoch_history.follow(estimator)
        return
    if estimator.early_stopping and incremental:
        raise ValueError("partial_fit does not support early_stopping=True")
    if len(layer_units) != estimator.n_layers_:
        refuse_layers(layer_units, estimator, TypeError)
    _require_writable(estimator)
    if reason:
        _train(estimator, X, y, sample_weight, incremental, buffers)
    else:
        train = partial(_train, X=X, y=y, sample_weight=sample_weight, incremental=incremental)
        devices.train(estimator, X, train)


def _train(
    estimator: Any,
    X: Any,
    y: Array,
    sample_weight: Array | None,
    incremental: bool,
    buffers: tuple[list[Any], ...] = (),
) -> None:
    """Train on an engine of ours, or with buffers in steps of the estimator's own."""
    backup = asked_for(options(estimator).callbacks, incremental) if is_first() else None
    with keeping(backup, estimator, X, y, sample_weight) as own_keeper:
        if not buffers:
            regularisation.refuse_for_sparse(estimator, X)
        regularisation.set_key(estimator)
        data = _data(estimator, X, y, sample_weight)
        data = data._replace(y=regularisation.smoothed(estimator, data.y))
        batch_size = epoch_loop.batch_size(estimator, data.rows)
        opened: AbstractContextManager[Any]
        if buffers:
            opened = nullcontext(StepEngine(estimator, data, batch_size, buffers))
        else:
            opened = choice.engine(estimator, data, batch_size, incremental)
        group = replicas.group_of_all()
        led_keeper = nullcontext(own_keeper) if group is None else led(own_keeper, estimator, group)
        with led_keeper as keeper, replicas.silent_but_first(estimator):
            train = partial(epoch_loop.train, estimator, data, opened, incremental, keeper)
            kept.keep(threads.giving_back(train))


def _data(estimator: Any, X: Any, y: Any, sample_weight: Array | None) -> rows.Data:
    """Rows to train on and to validate with, dealt out where several ranks train together."""
    y = y.toarray() if scipy.sparse.issparse(y) else y
    together = current()
    if together is None:
        return rows.divided(estimator, X, y, sample_weight)
    replicas.begin_as_first(estimator, together.group)
    return split(estimator, X, y, sample_weight, together)


def _require_writable(estimator: Any) -> None:
    """Raise what scikit-learn's first step raises, before an epoch is computed in vain."""
    if not all(w.flags.writeable for w in estimator.coefs_ + estimator.intercepts_):
        raise ValueError(
            "output array is read-only: coefs_ or intercepts_ cannot be trained in place; load a "
            "model with mmap_mode='c' or without mmap_mode to train on, or train a copy.deepcopy"
        )
