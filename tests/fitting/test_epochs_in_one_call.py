"""Epochs that nobody looks at are trained in one call, and end as those that are trained singly."""

import math
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from gpubackprop.training.epoch_series import EpochSeries

from .agreement import TASKS, WEIGHTS, Params, ours_for, said, state_of

BASE: Params = {"hidden_layer_sizes": (6,), "batch_size": 8, "random_state": 0, "max_iter": 25}
Trained = tuple[list[list[tuple[type, str]]], list[Any]]


@pytest.fixture
def paced(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[int]]:
    """Return what sets how many epochs a call takes; it returns a list of how many were run."""
    original = EpochSeries.run

    def set_pace(at_once: int) -> list[int]:
        calls: list[int] = []

        def run(self: EpochSeries, orders: Iterator[Any]) -> Any:
            sums = original(self, orders)
            calls.append(len(sums))
            return sums

        def pace(self: EpochSeries, seconds: float) -> None:
            self.at_once = at_once

        monkeypatch.setattr(EpochSeries, "run", run)
        monkeypatch.setattr(EpochSeries, "pace", pace)
        return calls

    return set_pace


def _bits(values: Any) -> bytes:
    return np.asarray(values, dtype=float).tobytes()  # NaN is equal to itself


def _numbers(model: Any) -> list[Any]:
    """Every number that a fit leaves, but the seconds of its epochs."""
    state = model._optimizer
    moments = [getattr(state, name, []) for name in ("ms", "vs", "velocities")]
    arrays = [*model.coefs_, *model.intercepts_, *(array for each in moments for array in each)]
    names = ("n_iter_", "t_", "best_loss_", "_no_improvement_count", "loss_")
    history = [record._replace(seconds=0.0) for record in model.history_]
    return [
        *map(_bits, arrays),
        _bits(model.loss_curve_),
        *(repr(getattr(model, name)) for name in names),
        repr(getattr(state, "t", None)),
        repr(state.learning_rate),
        repr(history),
        state_of(model._random_state),
    ]


def _trained(model: Any, X: Any, y: Any, *fits: str, **given: Any) -> Trained:
    warned = [said(getattr(model, fit), X, y, **given) for fit in fits]
    return warned, _numbers(model)


CASES: dict[str, Params] = {
    "defaults": {},
    "no patience": {"n_iter_no_change": 1, "tol": 1e9},
    "patience of 2": {"n_iter_no_change": 2, "tol": 1e9},
    "patience of 5": {"n_iter_no_change": 5, "tol": 1e9},
    "stops when it slows down": {"n_iter_no_change": 2, "tol": 0.02},
    "stops when it rises": {"n_iter_no_change": 3, "tol": 0.0, "learning_rate_init": 0.1},
    "endless patience": {"n_iter_no_change": math.inf},
    "constant rate": {"solver": "sgd", "learning_rate_init": 0.1, "n_iter_no_change": 2},
    "adaptive rate": {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1}
    | {"tol": 0.05, "learning_rate_init": 0.1},
    "inverse scaling": {"solver": "sgd", "learning_rate": "invscaling"},
    "no momentum": {"solver": "sgd", "momentum": 0.0},
    "AdamW": {"solver": "adamw", "weight_decay": 0.1},
    "NAdam": {"solver": "nadam"},
    "RMSprop": {"solver": "rmsprop"},
    "Lion": {"solver": "lion", "learning_rate_init": 1e-3},
    "schedule": {"schedule": "cosine", "warmup": 2},
    "clipped": {"clip_norm": 0.1},
    "dropout": {"dropout": 0.3},
    "in order": {"shuffle": False},
    "blocks": {"shuffle": "blocks"},
    "whole batches": {"batch_size": 61},
    "batches of one": {"batch_size": 1, "max_iter": 6},
    "float32": {"precision": "float32"},
    "gelu": {"activation": "gelu"},
    "checkpointing": {"checkpoint": "sqrt", "hidden_layer_sizes": (6,) * 5},
    "one epoch": {"max_iter": 1},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 3},
}


@pytest.mark.parametrize("at_once", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("case", CASES)
def test_the_same_bits_and_warnings(
    case: str, at_once: int, paced: Callable[[int], list[int]]
) -> None:
    task = TASKS["regression"]
    params = {**BASE, **CASES[case]}
    fits = "fit", "fit"
    paced(0)
    expected = _trained(ours_for(task, **params), task.X, task.y, *fits)
    paced(at_once)
    assert _trained(ours_for(task, **params), task.X, task.y, *fits) == expected


@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_divergence(at_once: int, paced: Callable[[int], list[int]]) -> None:
    task = TASKS["regression"]
    diverges = {"solver": "sgd", "learning_rate_init": 1e3, "activation": "identity"}

    def trained() -> Trained:
        model = ours_for(task, **{**BASE, **diverges})

        def fail() -> None:
            with pytest.raises(ValueError, match="non-finite parameter weights"):
                model.fit(task.X, task.y)

        return [said(fail)], _numbers(model)

    paced(0)
    expected = trained()
    assert len(expected[0][0]) > 2
    paced(at_once)
    assert trained() == expected


@pytest.mark.parametrize("task", TASKS)
def test_other_tasks(task: str, paced: Callable[[int], list[int]]) -> None:
    _, X, y, _ = TASKS[task]
    paced(0)
    expected = _trained(ours_for(TASKS[task], **BASE), X, y, "fit")
    calls = paced(100)
    assert _trained(ours_for(TASKS[task], **BASE), X, y, "fit") == expected
    assert sum(calls) == BASE["max_iter"] - 1  # the first epoch says how long one takes


@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_fits_that_go_on(at_once: int, paced: Callable[[int], list[int]]) -> None:
    task = TASKS["regression"]
    fits = "fit", "fit", "partial_fit", "partial_fit", "fit", "partial_fit"
    params = {**BASE, "warm_start": True, "n_iter_no_change": 2, "tol": 1e-3}
    paced(0)
    expected = _trained(ours_for(task, **params), task.X, task.y, *fits)
    paced(at_once)
    assert _trained(ours_for(task, **params), task.X, task.y, *fits) == expected


@pytest.mark.parametrize("least", [0, 1])
def test_weights(least: int, paced: Callable[[int], list[int]]) -> None:
    """Some of weight zero are checked before each epoch: a batch of them would be an error."""
    task, given = TASKS["regression"], {"sample_weight": np.floor(WEIGHTS).clip(least)}
    paced(0)
    expected = _trained(ours_for(task, **BASE), task.X, task.y, "fit", **given)
    calls = paced(100)
    assert _trained(ours_for(task, **BASE), task.X, task.y, "fit", **given) == expected
    assert sum(calls) == (BASE["max_iter"] - 1) * least


def test_a_call_ends_where_training_may_end(paced: Callable[[int], list[int]]) -> None:
    """Nothing improves after the first epoch: patience is over five later."""
    task, calls = TASKS["regression"], paced(100)
    model = ours_for(task, **{**BASE, "n_iter_no_change": 4, "tol": 1e9}).fit(task.X, task.y)
    assert model.n_iter_ == 6
    assert calls == [5]


LOOKERS: dict[str, Params] = {
    "verbose": {"verbose": True},
    "callbacks": {"callbacks": [lambda estimator, record: None]},
    "early stopping": {"early_stopping": True},
    "a rate that changes": {"solver": "sgd", "learning_rate": "invscaling"},
}


@pytest.mark.parametrize("looker", LOOKERS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_each_epoch_ends_where_somebody_looks(
    looker: str, paced: Callable[[int], list[int]]
) -> None:
    task, calls = TASKS["regression"], paced(100)
    ours_for(task, **{**BASE, **LOOKERS[looker]}).fit(task.X, task.y)
    assert set(calls) == {1}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_seconds_of_a_call_are_dealt_out_to_its_epochs(
    paced: Callable[[int], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = TASKS["regression"]
    paced(8)
    clock = iter(range(10_000))
    monkeypatch.setattr("time.perf_counter", lambda: float(next(clock)))
    model = ours_for(task, **BASE).fit(task.X, task.y)
    seconds = [record.seconds for record in model.history_]
    assert min(seconds) > 0
    assert sum(seconds) < next(clock)


def test_an_interrupt_between_two_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    task, original = TASKS["regression"], EpochSeries.run
    calls: list[int] = []

    def run(self: EpochSeries, orders: Iterator[Any]) -> Any:
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(1)
        return original(self, orders)

    monkeypatch.setattr(EpochSeries, "run", run)
    monkeypatch.setattr(EpochSeries, "pace", lambda self, seconds: setattr(self, "at_once", 4))
    model = ours_for(task, **BASE)
    assert said(model.fit, task.X, task.y) == [(UserWarning, "Training interrupted by user.")]
    assert model.n_iter_ == len(model.loss_curve_) == 9
    monkeypatch.undo()
    shorter = ours_for(task, **{**BASE, "max_iter": 9})
    said(shorter.fit, task.X, task.y)
    np.testing.assert_array_equal(model.coefs_[0], shorter.coefs_[0])
    assert model._optimizer.t == shorter._optimizer.t


def test_ctrl_c_is_seen_though_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    task, original, main = TASKS["regression"], EpochSeries.run, threading.main_thread()
    running = threading.Event()

    def run(self: EpochSeries, orders: Iterator[Any]) -> Any:
        running.set()
        return original(self, orders)

    def send() -> None:
        assert running.wait(60)
        signal.pthread_kill(main.ident, signal.SIGINT)  # type: ignore[arg-type]

    monkeypatch.setattr(EpochSeries, "run", run)
    sender = threading.Thread(target=send)
    sender.start()
    endless = {"max_iter": 10_000_000, "n_iter_no_change": math.inf}
    model = ours_for(task, **{**BASE, **endless})
    warned = said(model.fit, task.X, task.y)
    sender.join()
    assert warned == [(UserWarning, "Training interrupted by user.")]
    assert 1 <= len(model.loss_curve_) <= model.n_iter_ + 1
    assert np.isfinite(model.partial_fit(task.X, task.y).loss_)
