"""Callbacks hear of every epoch, see its weights and can end training."""

import re
from collections import deque
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.exceptions import ConvergenceWarning

from gpubackprop import EpochRecord, MLPRegressor
from gpubackprop.fitting.engines import kept

from .agreement import ENDS_BY_ITSELF, TASKS, Array, Params, ours_for, said

BASE: Params = {"hidden_layer_sizes": (6,), "batch_size": 16, "random_state": 0, "max_iter": 5}

ways = pytest.mark.parametrize(
    "way", ["compiled", "reference", "csr", "csc"], ids=lambda way: f"{way}"
)


class Listener:
    """Remembers what it is told, and the weights that it sees then."""

    def __init__(self, answers: dict[int, Any] | None = None) -> None:
        self.answers = answers or {}
        self.estimators: list[Any] = []
        self.records: list[EpochRecord] = []
        self.weights: list[list[Array]] = []

    def __call__(self, estimator: Any, record: EpochRecord) -> Any:
        self.estimators.append(estimator)
        self.records.append(record)
        self.weights.append([w.copy() for w in estimator.coefs_ + estimator.intercepts_])
        return self.answers.get(record.epoch)


def _model(way: str, task: str = "regression", **params: Any) -> Any:
    backend = way if way in ("compiled", "reference") else "auto"
    return ours_for(TASKS[task], backend=backend, **{**BASE, **params})


def _examples(way: str, task: str = "regression") -> Any:
    X = TASKS[task].X
    return {"csr": scipy.sparse.csr_array, "csc": scipy.sparse.csc_array}.get(way, np.asarray)(X)


def _train(way: str, *listeners: Any, task: str = "regression", **params: Any) -> tuple[Any, Any]:
    """Train with these callbacks; return the model and the warnings."""
    model = _model(way, task, callbacks=list(listeners), **params)
    warned = said(model.fit, _examples(way, task), TASKS[task].y)
    return model, [category for category, _ in warned]


@ways
def test_called_once_an_epoch(way: str) -> None:
    listener = Listener()
    model, warned = _train(way, listener)
    assert [record.epoch for record in listener.records] == [1, 2, 3, 4, 5]
    assert [record.loss for record in listener.records] == model.loss_curve_
    assert [record.validation_score for record in listener.records] == [None] * 5
    assert all(record.seconds >= 0 for record in listener.records)
    assert all(seen is model for seen in listener.estimators)
    assert warned == [ConvergenceWarning]


@ways
@pytest.mark.parametrize("task", ["regression", "binary"])
def test_validation_scores(way: str, task: str) -> None:
    listener = Listener()
    model, _ = _train(way, listener, task=task, early_stopping=True)
    scores = [record.validation_score for record in listener.records]
    assert scores == model.validation_scores_
    assert len(scores) == 5


@ways
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_weights_are_those_of_the_epoch(way: str, solver: str) -> None:
    listener = Listener()
    _train(way, listener, solver=solver)
    for epochs, weights in enumerate(listener.weights, start=1):
        shorter, _ = _train(way, solver=solver, max_iter=epochs)
        for seen, expected in zip(weights, shorter.coefs_ + shorter.intercepts_, strict=True):
            np.testing.assert_array_equal(seen, expected)


@ways
def test_listening_changes_nothing(way: str) -> None:
    heard, _ = _train(way, Listener())
    alone, _ = _train(way)
    assert heard.loss_curve_ == alone.loss_curve_
    np.testing.assert_array_equal(heard.coefs_[0], alone.coefs_[0])


@ways
def test_true_stops_without_a_warning(way: str) -> None:
    listener = Listener({3: True})
    model, warned = _train(way, listener)
    assert (model.n_iter_, len(model.loss_curve_), warned) == (3, 3, [])
    shorter, _ = _train(way, max_iter=3)
    np.testing.assert_array_equal(model.coefs_[0], shorter.coefs_[0])


def test_true_in_the_last_epoch_is_a_stop_too() -> None:
    assert _train("compiled", Listener({5: True}))[1] == []


TRUE = [True, np.True_, 1, np.int64(1), 0.5, "stop", [False], np.array([True]), np.array(1)]
FALSE = [False, np.False_, 0, np.int64(0), 0.0, "", [], None, np.array([False])]


@pytest.mark.parametrize(
    ("answer", "epochs"), [*((a, 2) for a in TRUE), *((a, 5) for a in FALSE)], ids=repr
)
def test_whatever_is_true_stops(answer: Any, epochs: int) -> None:
    # As with scikit-learn's own `monitor` of gradient boosting.
    assert _train("compiled", Listener({2: answer}))[0].n_iter_ == epochs


def test_an_answer_that_is_neither_true_nor_false() -> None:
    message = r"the callback <.*Listener object.*> must return .* got array\(\[0., 0.\]\)"
    with pytest.raises(ValueError, match=message):
        _train("compiled", Listener({2: np.zeros(2)}))


def test_stop_restores_the_best_weights() -> None:
    listener = Listener({4: True})
    model, _ = _train("compiled", listener, early_stopping=True, learning_rate_init=0.5)
    assert model.n_iter_ == 4
    best = int(np.argmax(model.validation_scores_))
    np.testing.assert_array_equal(model.coefs_[0], listener.weights[best][0])


def test_every_callback_is_called_even_after_a_stop() -> None:
    first, second = Listener({2: True}), Listener()
    _train("compiled", first, second)
    assert len(first.records) == len(second.records) == 2


def test_partial_fit() -> None:
    listener, task = Listener(), TASKS["regression"]
    model = _model("compiled", callbacks=[listener])
    for _ in range(3):
        model.partial_fit(task.X, task.y)
    assert [record.epoch for record in listener.records] == [1, 1, 1]
    assert [record.loss for record in listener.records] == model.loss_curve_


def test_callback_may_change_the_learning_rate() -> None:
    def freeze(estimator: Any, record: EpochRecord) -> None:
        estimator._optimizer.learning_rate = 0.0

    model, _ = _train("compiled", freeze, solver="sgd", momentum=0)
    shorter, _ = _train("compiled", solver="sgd", momentum=0, max_iter=1)
    np.testing.assert_array_equal(model.coefs_[0], shorter.coefs_[0])


@pytest.mark.parametrize("empty", [None, []])
def test_no_callbacks(empty: Any) -> None:
    task = TASKS["regression"]
    _model("compiled", callbacks=empty, **ENDS_BY_ITSELF).set_params(max_iter=9).fit(task.X, task.y)


@pytest.mark.parametrize("wrong", [3, {"on_epoch": print}, {print}, iter([print])])
def test_callbacks_must_be_a_sequence(wrong: Any) -> None:
    task = TASKS["regression"]
    message = (
        "The 'callbacks' parameter of MLPRegressor must be a callable, an instance of "
        "'collections.abc.Sequence' or None"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        _model("compiled", callbacks=wrong).fit(task.X, task.y)


@ways
@pytest.mark.parametrize("wrong", [[print, "print"], (None, "print"), "print"], ids=repr)
def test_callbacks_must_be_callable(way: str, wrong: Any) -> None:
    model = _model(way, callbacks=wrong)
    got = "None" if wrong[0] is None else "'print'"
    with pytest.raises(TypeError, match=rf"callable or a sequence of callables .* got {got}"):
        model.fit(_examples(way), TASKS["regression"].y)


@pytest.mark.parametrize("several", [list, tuple, deque, lambda callbacks: callbacks[0]])
def test_callbacks_come_alone_or_in_any_sequence(several: Any) -> None:
    listener, task = Listener(), TASKS["regression"]
    said(_model("compiled", callbacks=several([listener])).fit, task.X, task.y)
    assert [record.epoch for record in listener.records] == [1, 2, 3, 4, 5]


def test_callbacks_must_be_callable_with_lbfgs() -> None:
    model = _model("compiled", callbacks=["print"], solver="lbfgs")
    with pytest.raises(TypeError):
        model.fit(_examples("compiled"), TASKS["regression"].y)


@ways
def test_callback_that_raises_leaves_the_finished_epochs(way: str) -> None:
    def fail(estimator: Any, record: EpochRecord) -> None:
        if record.epoch == 3:
            raise OSError("disk full")

    task = TASKS["regression"]
    model = _model(way, callbacks=[fail])
    with pytest.raises(OSError, match="disk full"):
        model.fit(_examples(way), task.y)
    shorter, _ = _train(way, max_iter=3)
    assert model.loss_curve_ == shorter.loss_curve_
    np.testing.assert_array_equal(model.predict(task.X), shorter.predict(task.X))
    model.set_params(callbacks=None).partial_fit(_examples(way), task.y)
    shorter.partial_fit(_examples(way), task.y)
    np.testing.assert_array_equal(model.coefs_[0], shorter.coefs_[0])


class Broken:
    """An engine whose memory is lost with its first epoch, as a GPU's may be."""

    def run(self, order: Any, rate: float) -> float:
        raise RuntimeError("the device is gone")

    def restore(self) -> None:
        pass

    def publish(self) -> None:
        raise RuntimeError("so are the weights")


def test_the_first_error_is_the_one_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "engine", lambda *arguments: Broken())
    with pytest.raises(RuntimeError, match="the device is gone"):
        MLPRegressor(**{**BASE, "batch_size": 2}).fit([[1.0], [2.0]], [1.0, 2.0])
