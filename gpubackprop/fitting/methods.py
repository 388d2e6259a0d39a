"""Training and prediction in the place of the methods of scikit-learn's class that compute.

Each function has the name, the arguments and the effects of a method of `BaseMultilayerPerceptron`.
Our estimators call it, and scikit-learn's own where they are accelerated. `original` is the method
that would have run, bound to the estimator: it trains or predicts what the engine does not take.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.utils.validation import validate_data

from .. import backends
from ..algorithm.parameters import Array
from ..backends import Backend, Choice, Work, threads
from ..backends.cuda.device_arrays import device_for
from ..backup.callback import asked_for, refuse_for_lbfgs
from ..backup.keeper import keeping
from ..backup.led_keeper import led
from ..distributed.current import current, is_first
from . import epoch_loop, kept_engine, overrides, row_order, rows, solvers, validation
from .adapters import DenseEngine, StepEngine
from .callbacks import epoch_history, hooks
from .conversion import in_chosen_dtype, layer_sizes
from .full_batch import FullBatch, FullBatchEstimator
from .options import class_weight, formula_names, regularisation
from .options.values import options
from .prediction import are_left_to_scikit_learn, predict
from .ranks import devices, replicas
from .ranks.engine import RankEngine
from .ranks.full_batch import RankFullBatch
from .ranks.rows import HeldOut, of_this_rank, split


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
        `_fit_stochastic`.
    X, y, sample_weight, activations, deltas, coef_grads, intercept_grads, layer_units, incremental
        Its arguments.
    """
    solvers.show(estimator)
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
        _refuse_layers(layer_units, estimator, TypeError)
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
            opened = _engine(estimator, data, batch_size, incremental)
        group = replicas.group_of_all()
        led_keeper = nullcontext(own_keeper) if group is None else led(own_keeper, estimator, group)
        with led_keeper as keeper, replicas.silent_but_first(estimator):
            train = partial(epoch_loop.train, estimator, data, opened, incremental, keeper)
            kept_engine.keep(estimator, threads.giving_back(train))


def _data(estimator: Any, X: Any, y: Any, sample_weight: Array | None) -> rows.Data:
    """Rows to train on and to validate with, dealt out where several ranks train together."""
    y = y.toarray() if scipy.sparse.issparse(y) else y
    together = current()
    if together is None:
        return rows.divided(estimator, X, y, sample_weight)
    replicas.begin_as_first(estimator, together.group)
    return split(estimator, X, y, sample_weight, together)


def _engine(
    estimator: Any, data: rows.Data, batch_size: int, incremental: bool
) -> AbstractContextManager[DenseEngine]:
    make: Callable[[Backend], DenseEngine]
    if data.deal is not None:
        make = partial(RankEngine, estimator, data, batch_size, data.deal)
    elif incremental or estimator.warm_start:
        make = partial(kept_engine.engine, estimator, data, batch_size)
    else:
        make = partial(DenseEngine, estimator, data, batch_size)
    epochs = 1 if incremental else estimator.max_iter
    return backends.begun(_choice(estimator, data.X, batch_size, epochs), make)


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
    """Train by L-BFGS.

    Parameters
    ----------
    estimator, original
        As for `fit_stochastic`, `original` being `_fit_lbfgs`.
    X, y, sample_weight, activations, deltas, coef_grads, intercept_grads, layer_units
        Its arguments.
    """
    validation.refuse_without_epochs(estimator)
    formula_names.require_same_output(estimator)
    if tuple(layer_units) != layer_sizes(estimator):
        _refuse_layers(layer_units, estimator, ValueError)
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
        choice = _choice(estimator, X, X.shape[0], estimator.max_iter)
        make = _full_batch(estimator, X, y, sample_weight, dtype)
        with backends.begun(choice, make) as full_batch:
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


def forward_pass_fast(
    estimator: Any, original: Callable[..., Array], X: Any, check_input: bool = True
) -> Array:
    """Predict the outputs of all rows.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Fitted.
    original : callable
        `_forward_pass_fast`; sparse and few rows are left to it where it has the formulas.
    X : array_like or sparse matrix of shape (n, n_features)
        Examples.
    check_input : bool, default=True
        Whether X has to be validated.

    Returns
    -------
    y_hat : ndarray of shape (n, n_outputs)
    """
    if isinstance(X, HeldOut):
        return X.predicted(estimator, partial(forward_pass_fast, estimator, original))
    if check_input:  # what is sparse, such as a data frame of sparse columns, shows here
        X = validate_data(estimator, X, accept_sparse=["csr", "csc"], reset=False)
    if are_left_to_scikit_learn(estimator, X):
        return original(X, check_input=False)
    reason = overrides.in_prediction(estimator)
    if reason:
        overrides.require_known(estimator, reason)
        overrides.tell(estimator, reason)
        return original(X, check_input=False)
    return threads.giving_back(partial(predict, estimator, X))


def _choice(estimator: Any, X: Any, batch_size: int, epochs: int) -> Choice:
    """Backend for a fit of at most these epochs, by the work that they are."""
    own = options(estimator)
    size = sum(W.size for W in estimator.coefs_)
    products = 3 * batch_size * size  # forward, pulled back, gradient
    work = Work(products, epochs * -(-X.shape[0] // batch_size))
    on_cpu = own.device == "auto" and scipy.sparse.issparse(X)
    device = "cpu" if on_cpu else replicas.device_of_this_rank(device_for(own.device, X))
    return Choice(own.backend, device, own.precision, work)


def _refuse_layers(layer_units: list[int], estimator: Any, error: type[Exception]) -> None:
    """Raise in words what scikit-learn's code runs into: IndexError where layers are missing."""
    error = IndexError if len(layer_units) < estimator.n_layers_ else error
    raise error(
        f"hidden_layer_sizes and the data ask for layers of {tuple(map(int, layer_units))} units, "
        f"but training goes on with a network of {layer_sizes(estimator)}; fit anew without "
        "warm_start to change them"
    )


def _require_writable(estimator: Any) -> None:
    """Raise what scikit-learn's first step raises, before an epoch is computed in vain."""
    if not all(w.flags.writeable for w in estimator.coefs_ + estimator.intercepts_):
        raise ValueError(
            "output array is read-only: coefs_ or intercepts_ cannot be trained in place; load a "
            "model with mmap_mode='c' or without mmap_mode to train on, or train a copy.deepcopy"
        )
