"""Ctrl-C ends training with a warning, and the model so far can be used."""

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from threadpoolctl import threadpool_limits

from gpubackprop import EpochRecord

from .agreement import TASKS, TOLERANCES, Params, assert_same_model, ours_for, said, twins

BASE: Params = {"hidden_layer_sizes": (6,), "batch_size": 8, "random_state": 0, "max_iter": 10}
INTERRUPTED = [(UserWarning, "Training interrupted by user.")]

ways = pytest.mark.parametrize("way", ["compiled", "reference", "sparse"])


def _raise(estimator: Any, record: EpochRecord) -> None:
    if record.epoch == 3:
        raise KeyboardInterrupt


def _signal(estimator: Any, record: EpochRecord) -> None:
    if record.epoch == 3:
        signal.raise_signal(signal.SIGINT)


def _signal_from_a_thread(estimator: Any, record: EpochRecord) -> None:
    if record.epoch == 3:
        sender = threading.Thread(target=_interrupt_main_thread)
        sender.start()
        sender.join()


def _interrupt_main_thread() -> None:
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)  # type: ignore[arg-type]


senders = pytest.mark.parametrize("sender", [_raise, _signal, _signal_from_a_thread])


def _model(way: str, **params: Any) -> Any:
    backend = "auto" if way == "sparse" else way
    return ours_for(TASKS["regression"], backend=backend, **{**BASE, **params})


def _examples(way: str) -> Any:
    X = TASKS["regression"].X
    return scipy.sparse.csr_array(X) if way == "sparse" else X


@ways
@senders
def test_between_epochs(sender: Callable[..., None], way: str) -> None:
    X, y = _examples(way), TASKS["regression"].y
    model = _model(way, callbacks=[sender])
    assert said(model.fit, X, y) == INTERRUPTED
    shorter = _model(way, max_iter=3)
    said(shorter.fit, X, y)
    assert model.n_iter_ == 3
    assert model.loss_curve_ == shorter.loss_curve_
    np.testing.assert_array_equal(model.predict(X), shorter.predict(X))


class InterruptedShuffle(np.random.RandomState):
    """Raises in the fourth shuffle: between epochs, though nobody listens."""

    shuffles = 0

    def shuffle(self, x: Any) -> None:
        self.shuffles += 1
        if self.shuffles == 4:
            raise KeyboardInterrupt
        super().shuffle(x)


@ways
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_without_callbacks_as_in_scikit_learn(solver: str, early_stopping: bool, way: str) -> None:
    X, task = _examples(way), TASKS["regression"]
    params = {**BASE, "solver": solver, "early_stopping": early_stopping}
    ours, theirs = twins(task, "auto" if way == "sparse" else way, **params)
    for model in (ours, theirs):
        model.set_params(random_state=InterruptedShuffle(0))
        assert said(model.fit, X, task.y) == INTERRUPTED
        assert 0 < model.n_iter_ < BASE["max_iter"]
    assert_same_model(ours, theirs, X, task.y, TOLERANCES["float64"])


@ways
def test_early_stopping_keeps_the_best_weights(way: str) -> None:
    X, y = _examples(way), TASKS["regression"].y
    model = _model(way, callbacks=[_raise], early_stopping=True)
    assert said(model.fit, X, y) == INTERRUPTED
    assert model.coefs_ is model._best_coefs
    assert model.best_validation_score_ == max(model.validation_scores_)


@ways
def test_training_goes_on_afterwards(way: str) -> None:
    X, y = _examples(way), TASKS["regression"].y
    model = _model(way, callbacks=[_raise], warm_start=True)
    said(model.fit, X, y)
    whole = _model(way, max_iter=3, warm_start=True)
    said(whole.fit, X, y)
    for each in (model, whole):
        each.set_params(callbacks=None, max_iter=4)
        said(each.fit, X, y)
    assert model.loss_curve_ == whole.loss_curve_
    np.testing.assert_array_equal(model.coefs_[0], whole.coefs_[0])


def test_warning_comes_from_scikit_learns_module() -> None:
    task = TASKS["regression"]
    with pytest.warns(UserWarning, match="interrupted") as warned:
        _model("compiled", callbacks=[_raise]).fit(task.X, task.y)
    assert Path(warned[0].filename).name == "_multilayer_perceptron.py"


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("hidden", [(6,), (500, 400)])
def test_within_an_epoch(hidden: tuple[int, ...], threads: int) -> None:
    """The signal arrives while another thread waits for nothing but the second epoch's start."""
    rng = np.random.RandomState(0)
    X, y = rng.randn(4000, 20), rng.randn(4000)
    first_epoch_is_over = threading.Event()

    def listen(estimator: Any, record: EpochRecord) -> None:
        first_epoch_is_over.set()

    def send() -> None:
        first_epoch_is_over.wait()
        _interrupt_main_thread()

    # Far more epochs than any signal takes: a lost one ends in a ConvergenceWarning.
    model = _model("compiled", max_iter=100_000, n_iter_no_change=np.inf, callbacks=[listen])
    model.set_params(hidden_layer_sizes=hidden, batch_size=200)
    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    try:
        with threadpool_limits(limits=threads):
            warned = said(model.fit, X, y)
    finally:
        sender.join(timeout=0 if not first_epoch_is_over.is_set() else None)
    assert warned == INTERRUPTED
    batches_per_epoch, finished = 20, len(model.loss_curve_)
    assert finished >= 1
    assert model.n_iter_ in (finished, finished + 1)  # it may hit while an epoch is noted down
    assert model._optimizer.t >= finished * batches_per_epoch
    assert np.isfinite(model.predict(X[:5])).all()
    assert np.isfinite(model.partial_fit(X[:500], y[:500]).loss_)
