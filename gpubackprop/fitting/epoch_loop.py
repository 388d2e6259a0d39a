"""Stochastic training of a scikit-learn estimator: split, epochs, schedule, stopping.

The order of events, the random draws and the messages are scikit-learn's
(`BaseMultilayerPerceptron._fit_stochastic`), and warnings point into its module, where filters look
for them; what an epoch computes is `epochs.Epochs`.
"""

import logging
import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import islice
from operator import index
from typing import Any, NamedTuple, Protocol

import numpy as np
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning

from ..algorithm.parameters import Array
from ..callbacks import Callbacks, call, listeners
from ..history import EpochRecord
from . import row_order, solvers, validation
from .callbacks import changes, epoch_history, hooks
from .conversion import chosen_dtype
from .options.values import options
from .ranks import replicas
from .rows import Data
from .scikit_learn.contract import AdamOptimizer, mlp
from .scikit_learn.warnings import warn

_log = logging.getLogger("gpubackprop")


class Epoch(NamedTuple):
    """What an epoch of training came to."""

    loss: float
    rate: float
    """Learning rate, the mean of its batches'."""
    gradient_norm: float | None = None
    """Mean of its batches' norms before clipping, where they are clipped."""


class Engine(Protocol):
    """Computes epochs for `train`."""

    def begin(self) -> None:
        """Start from the estimator as it is now."""

    def run(self, orders: Iterator[Array], rate: float) -> list[Epoch]:
        """Train for an epoch in the next of these orders, or for several, at this learning rate."""

    def evaluated(self, X: Any, Y: Array, share: Array) -> tuple[Array, float] | None:
        """Compute outputs and loss of validation rows; None where the estimator has to."""

    def restore(self) -> None:
        """Go back to the end of the last epoch, as far as a step may fail half-way."""

    def publish(self) -> None:
        """Write weights and optimizer state into the estimator's arrays."""

    def state(self) -> list[Array]:
        """Read, on the host, every number that an epoch starts from and changes."""

    def set_state(self, arrays: list[Array]) -> None:
        """Start from the numbers that `state` has read."""


class Keeper(Protocol):
    """Keeps the state of a fit, so that another one can go on from it."""

    def resume(self, engine: Engine, order: Array) -> None:
        """Put estimator, engine and order into the state that was kept, if any."""

    def epoch_ended(self, engine: Engine, order: Array) -> None:
        """Keep the state, if it is time."""

    def finished(self) -> None:
        """Forget what was kept: nothing is left to do."""


def train(
    estimator: Any,
    data: Data,
    opened: AbstractContextManager[Engine],
    incremental: bool,
    keeper: Keeper,
) -> Engine | None:
    """Run epochs until the loss or score stops improving, or `max_iter` of them.

    The initialised estimator's `coefs_`, `intercepts_`, `_optimizer` and history are written in
    place. `opened` makes what computes an epoch, which may take seconds where something is compiled
    first. An incremental fit, as `partial_fit` wants it, is one epoch.

    Return the engine; None after an interrupt, which may have come in the midst of a step.
    """
    through: Engine | None = None
    try:
        with validation.validating(estimator, data.validation), opened as engine:
            _run_and_publish(estimator, data, engine, incremental, keeper)
            through = engine
    except KeyboardInterrupt:
        warn("Training interrupted by user.")
    if estimator.early_stopping:
        estimator.coefs_ = estimator._best_coefs
        estimator.intercepts_ = estimator._best_intercepts
    return through


def _run_and_publish(
    estimator: Any, data: Data, engine: Engine, incremental: bool, keeper: Keeper
) -> None:
    try:
        _run_epochs(estimator, data, engine, incremental, keeper)
    except Exception:
        _publish_what_is_left(engine)
        raise
    except KeyboardInterrupt:
        engine.publish()
        raise
    engine.publish()
    keeper.finished()


def _publish_what_is_left(engine: Engine) -> None:
    """Keep what the last epoch left, unless what holds it is broken: the first error is told."""
    try:
        engine.restore()
        engine.publish()
    except Exception as reason:
        _log.debug("the weights since the last epoch that was looked at are lost: %s", reason)


def _run_epochs(
    estimator: Any, data: Data, engine: Engine, incremental: bool, keeper: Keeper
) -> None:
    orders = row_order.Orders(estimator, data)
    callbacks = (*listeners(options(estimator).callbacks), *hooks.listening(estimator))
    drawn_by_numpy = row_order.is_plain(estimator)
    looked_at = data.validation or estimator.verbose or callbacks or not drawn_by_numpy
    of_loss = _type_of_mean_loss(estimator, data)
    epoch_history.follow(estimator)
    estimator.n_iter_ = 0
    keeper.resume(engine, orders.last)
    left = 1 if incremental else index(estimator.max_iter) - estimator.n_iter_
    while left > 0:
        hooks.begin_epoch(estimator)
        started = time.perf_counter()
        most = 1 if looked_at else min(left, _epochs_to_a_stop(estimator))
        epochs = engine.run(islice(orders, most), _learning_rate(estimator._optimizer))
        left -= len(epochs)
        if looked_at:
            engine.publish()
        for epoch in epochs:
            _overflow_as_numpy_does(epoch.loss)
            validation_loss = _account(estimator, data, engine, of_loss(epoch.loss))
            stopped = _stopped_improving(estimator)
            seconds = (time.perf_counter() - started) / len(epochs)
            record = _recorded(estimator, data, epoch, seconds, validation_loss)
            asked = _call_back(callbacks, estimator, engine, record)
            if stopped or asked or incremental:
                return
            keeper.epoch_ended(engine, orders.last)
    if _takes_all_epochs(estimator):
        return
    warn(
        f"Stochastic Optimizer: Maximum iterations ({estimator.max_iter}) "
        "reached and the optimization hasn't converged yet.",
        ConvergenceWarning,
    )


def _epochs_to_a_stop(estimator: Any) -> int:
    """Count the epochs to come of which only the last can end training or change the rate."""
    if getattr(estimator._optimizer, "lr_schedule", None) == "invscaling":
        return 1
    patience = min(estimator.n_iter_no_change, estimator.max_iter)  # the first may be infinite
    return max(1, int(patience - estimator._no_improvement_count) + 1)


def _recorded(
    estimator: Any, data: Data, epoch: Epoch, seconds: float, validation_loss: float | None
) -> EpochRecord:
    """Add an epoch to the history."""
    score = float(estimator.validation_scores_[-1]) if data.validation else None
    loss, rest = float(estimator.loss_), (validation_loss, epoch.rate, epoch.gradient_norm)
    record = EpochRecord(estimator.n_iter_, loss, score, seconds, *rest)
    epoch_history.keep(estimator, record)
    return record


def _takes_all_epochs(estimator: Any) -> bool:
    """Whether training has a schedule that nothing cuts short: all its epochs are meant."""
    scheduled = options(estimator).schedule is not None
    return scheduled and bool(estimator.n_iter_no_change >= estimator.max_iter)


def _type_of_mean_loss(estimator: Any, data: Data) -> type[Any]:
    """Type of an epoch's loss: scikit-learn weighs with the rows of a batch, in int64."""
    of_batch = loss_type(estimator, data.X, data.y, data.sample_weight)
    counted = estimator.batch_size != "auto"
    return np.result_type(of_batch, np.int64).type if counted else of_batch


def loss_type(estimator: Any, X: Any, y: Array, sample_weight: Array | None) -> type[Any]:
    """Type of scikit-learn's loss: the widest of what it is computed from, for labels float64."""
    if is_classifier(estimator):
        return np.float64
    weight = () if sample_weight is None else (sample_weight.dtype,)
    dtype = chosen_dtype(estimator, X.dtype)
    return np.result_type(dtype, y.dtype, *weight, estimator.alpha).type


def _overflow_as_numpy_does(loss: float) -> None:
    """Warn, or whatever `np.errstate` says, where the machine code's arithmetic kept silent."""
    if math.isinf(loss):
        np.square(np.finfo(float).max)
    elif math.isnan(loss):
        np.subtract(np.inf, np.inf)


def _account(estimator: Any, data: Data, engine: Engine, loss: Any) -> float | None:
    """Write the epoch into scikit-learn's attributes, and return its validation loss."""
    estimator.n_iter_ += 1
    estimator.loss_ = loss
    estimator.t_ += data.rows
    estimator.loss_curve_.append(estimator.loss_)
    if estimator.verbose:
        print(f"Iteration {estimator.n_iter_}, loss = {loss:.8f}")
    validation_loss = validation.end_epoch(estimator, data.validation, engine.evaluated)
    estimator._optimizer.iteration_ends(estimator.t_)
    return validation_loss


def _learning_rate(optimizer: Any) -> float:
    """Rate of the next epoch: what the schedule says, or Adam's before its bias correction."""
    name = "learning_rate_init" if isinstance(optimizer, AdamOptimizer) else "learning_rate"
    rate: float = getattr(optimizer, name, math.nan)  # a user's own optimizer may keep none
    return rate


def _stopped_improving(estimator: Any) -> bool:
    if estimator._no_improvement_count <= estimator.n_iter_no_change:
        return False
    what = "Validation score" if estimator.early_stopping else "Training loss"
    message = (
        f"{what} did not improve more than tol={estimator.tol:f}"
        f" for {estimator.n_iter_no_change:d} consecutive epochs."
    )
    if estimator._optimizer.trigger_stopping(message, estimator.verbose):
        return True
    estimator._no_improvement_count = 0  # the learning rate was lowered instead
    return False


def _call_back(callbacks: Callbacks, estimator: Any, engine: Engine, record: EpochRecord) -> bool:
    """Call callbacks, of several ranks the first one's; return whether one asks for a stop."""
    group = replicas.group_of_all()
    first = group is None or group.index == 0
    asked = anew = False
    if first and listeners(callbacks):
        asked, anew = _answers(callbacks, estimator, record)
    if group is not None:
        asked, anew = replicas.follow_first(estimator, group, (asked, anew))
    if anew:
        engine.begin()
    return asked


def _answers(callbacks: Callbacks, estimator: Any, record: EpochRecord) -> tuple[bool, bool]:
    """Return whether a callback asks for a stop, and whether one changed what an engine holds."""
    before = changes.snapshot(estimator)
    asked = call(callbacks, estimator, record)
    return asked, changes.take_up(estimator, before)


def set_optimizer(estimator: Any) -> None:
    """Set a new `_optimizer`, of the class that scikit-learn's module names at present.

    ValueError if no class goes with the solver, and the code that named it set none.
    """
    parameters = estimator.coefs_ + estimator.intercepts_
    if estimator.solver == "sgd":
        estimator._optimizer = mlp.SGDOptimizer(
            parameters,
            estimator.learning_rate_init,
            estimator.learning_rate,
            estimator.momentum,
            estimator.nesterovs_momentum,
            estimator.power_t,
        )
    elif estimator.solver == "adam":
        estimator._optimizer = mlp.AdamOptimizer(
            parameters,
            estimator.learning_rate_init,
            estimator.beta_1,
            estimator.beta_2,
            estimator.epsilon,
        )
    elif estimator.solver in solvers.OWN:
        estimator._optimizer = solvers.OWN[estimator.solver](parameters, estimator)
    elif not hasattr(estimator, "_optimizer"):
        names = ", ".join(solvers.NAMES)
        raise ValueError(f"solver must be one of {names}, got {estimator.solver!r}")


def batch_size(estimator: Any, n: int) -> int:
    """Rows of a mini-batch, at most those of the data."""
    if estimator.batch_size == "auto":
        return min(200, n)
    if estimator.batch_size > n:
        warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped")
    return int(np.clip(estimator.batch_size, 1, n))
