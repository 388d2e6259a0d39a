"""Callbacks of `set_callbacks` hear of a fit and its epochs as scikit-learn 1.9's do."""

import pickle
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_score

from gpubackprop import MLPClassifier, MLPRegressor
from gpubackprop.fitting.callbacks import hooks, tasks

from .agreement import ENDS_BY_ITSELF, TASKS, Params, assert_bitwise_equal, ours_for, said

BASE: Params = {"hidden_layer_sizes": (6,), "batch_size": 16, "random_state": 0, "max_iter": 4}
X, y = TASKS["strings"].X, TASKS["strings"].y

needs_scikit_learns = pytest.mark.skipif(
    find_spec("sklearn.callback") is None, reason="this scikit-learn has no callbacks"
)


@pytest.fixture(params=["scikit-learn's", "ours"])
def support(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Tasks by scikit-learn where it has them, and by what stands for them elsewhere."""
    if request.param == "ours":
        monkeypatch.setattr(hooks, "_support", lambda: tasks)
    elif find_spec("sklearn.callback") is None:
        pytest.skip("this scikit-learn has no callbacks")
    return str(request.param)


class Recorder:
    """Writes down what it is told, and answers an epoch."""

    def __init__(self, stop_at: int | None = None, fail_at: int | None = None) -> None:
        self.stop_at, self.fail_at = stop_at, fail_at
        self.heard: list[tuple[Any, ...]] = []
        self.told: dict[str, Any] = {}
        self.accuracies: list[float] = []

    def setup(self, estimator: Any, context: Any) -> None:
        self.heard.append(("setup", context.task_name, context.max_subtasks))

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        self.heard.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(
        self,
        estimator: Any,
        context: Any,
        *,
        X: Any,
        y: Any,
        metadata: Any,
        fitted_estimator: Any,
    ) -> bool:
        self.heard.append(("end", context.task_name, context.task_id))
        self.told = {"X": X, "y": y, "metadata": metadata}
        if context.task_name != "epoch":
            return False
        self.accuracies.append(accuracy_score(y, fitted_estimator.predict(X)))
        if context.task_id == self.fail_at:
            raise OSError("disk full")
        return context.task_id == self.stop_at

    def teardown(self, estimator: Any, context: Any) -> None:
        self.heard.append(("teardown", context.task_name, context.max_subtasks))


def _epochs(n: int) -> list[tuple[Any, ...]]:
    return [(what, "epoch", i) for i in range(n) for what in ("begin", "end")]


def _told_of(n: int, most: int) -> list[tuple[Any, ...]]:
    within = [("begin", "fit", 0), *_epochs(n), ("end", "fit", 0)]
    return [("setup", "fit", most), *within, ("teardown", "fit", most)]


@pytest.mark.parametrize("way", ["compiled", "reference", "csr"])
def test_tasks_in_their_order_with_the_users_data(support: str, way: str) -> None:
    recorder, weight = Recorder(), np.ones(len(X))
    backend = "auto" if way == "csr" else way
    model = ours_for(TASKS["strings"], **BASE, backend=backend)
    examples = scipy.sparse.csr_array(X) if way == "csr" else X
    assert model.set_callbacks(recorder) is model
    said(model.fit, examples, y, weight)
    assert recorder.heard == _told_of(4, most=4)
    assert recorder.told["X"] is examples
    assert recorder.told["y"] is y
    assert recorder.told["metadata"] == {"sample_weight": weight}
    assert not [name for name in hooks.WHILE_FITTING if hasattr(model, name)]
    for epochs, seen in enumerate(recorder.accuracies, start=1):
        shorter = ours_for(TASKS["strings"], **{**BASE, "max_iter": epochs})
        said(shorter.fit, X, y, weight)
        assert seen == shorter.score(X, y)


def test_telling_changes_nothing(support: str) -> None:
    models = [ours_for(TASKS["strings"], **BASE) for _ in range(2)]
    models[0].set_callbacks(Recorder())
    for model in models:
        said(model.fit, X, y)
    assert_bitwise_equal(*models)


def test_the_model_so_far_is_the_best_one_with_early_stopping(support: str) -> None:
    recorder = Recorder()
    params = {**BASE, "early_stopping": True, "learning_rate_init": 0.3, "max_iter": 9}
    model = ours_for(TASKS["strings"], **params).set_callbacks(recorder)
    said(model.fit, X, y)
    assert recorder.accuracies[-1] == model.score(X, y)


def test_a_call_of_partial_fit_has_one_epoch(support: str) -> None:
    recorder = Recorder()
    model = ours_for(TASKS["strings"], **BASE).set_callbacks(recorder)
    model.partial_fit(X, y, classes=np.unique(y))
    model.partial_fit(X, y)
    assert recorder.heard == 2 * _told_of(1, most=1)


def test_lbfgs_has_none(support: str) -> None:
    recorder = Recorder()
    model = ours_for(TASKS["strings"], **BASE, solver="lbfgs").set_callbacks(recorder)
    said(model.fit, X, y)
    assert recorder.heard == _told_of(0, most=0)


def test_a_stop_is_asked_for(support: str) -> None:
    first, second = Recorder(stop_at=1), Recorder()
    model = ours_for(TASKS["strings"], **BASE).set_callbacks(first, second)
    assert said(model.fit, X, y) == []
    assert model.n_iter_ == 2
    assert second.heard == first.heard == _told_of(2, most=4)


def test_an_error_leaves_the_finished_epochs_and_tears_down(support: str) -> None:
    failing, other = Recorder(fail_at=2), Recorder()
    model = ours_for(TASKS["strings"], **BASE).set_callbacks(failing, other)
    with pytest.raises(OSError, match="disk full"):
        model.fit(X, y)
    shorter = ours_for(TASKS["strings"], **{**BASE, "max_iter": 3})
    said(shorter.fit, X, y)
    np.testing.assert_array_equal(model.predict_proba(X), shorter.predict_proba(X))
    assert failing.heard[-1] == other.heard[-1] == ("teardown", "fit", 4)
    assert not [name for name in hooks.WHILE_FITTING if hasattr(model, name)]
    said(model.set_callbacks().fit, X, y)
    assert model.n_iter_ == 4


def test_weights_that_are_changed_count(support: str) -> None:
    class Reset(Recorder):
        def on_fit_task_end(self, estimator: Any, context: Any) -> bool:  # type: ignore[override]
            for array in estimator.coefs_ + estimator.intercepts_:
                array[...] = 0
            return False

    model = ours_for(TASKS["regression"], **BASE, solver="sgd", activation="tanh")
    said(model.set_callbacks(Reset()).fit, TASKS["regression"].X, TASKS["regression"].y)
    np.testing.assert_array_equal(model.coefs_[0], 0)


def test_held_by_reference(support: str) -> None:
    recorder = Recorder()
    model = ours_for(TASKS["strings"], **{**BASE, **ENDS_BY_ITSELF}).set_callbacks(recorder)
    assert clone(model)._skl_callbacks[0] is recorder
    assert clone(model.set_params(callbacks=[print]))._skl_callbacks[0] is recorder
    model.set_params(callbacks=None, max_iter=9)
    cross_val_score(model, X, y, cv=2)
    assert [event for event, *_ in recorder.heard].count("setup") == 2
    assert recorder.heard.count(("end", "epoch", 0)) == 2


def test_not_in_scikit_learns_class() -> None:
    model = ours_for(TASKS["strings"], **BASE).set_callbacks(Recorder())
    said(model.fit, X, y)
    assert not hasattr(model.to_sklearn(), "_skl_callbacks")
    assert not hasattr(model.set_callbacks(), "_skl_callbacks")


@pytest.mark.parametrize("wrong", [print, Recorder, "Recorder", object()])
def test_wrong_callbacks(wrong: Any) -> None:
    with pytest.raises(TypeError, match="must be instances following the FitCallback protocol"):
        MLPRegressor().set_callbacks(wrong)


def test_they_are_no_functions() -> None:
    with pytest.raises(TypeError, match="set_callbacks takes this one"):
        MLPClassifier(callbacks=[Recorder()]).fit(X, y)


@needs_scikit_learns
def test_scikit_learns_monitor_scores_every_epoch() -> None:
    monitor = import_module("sklearn.callback").ScoringMonitor(scoring="accuracy")
    model = ours_for(TASKS["strings"], **BASE).set_callbacks(monitor)
    said(model.fit, X, y)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(rows) == 4
    assert rows[-1]["accuracy"] == model.score(X, y)


@needs_scikit_learns
def test_scikit_learns_bars_show_the_epochs_of_a_search(capsys: pytest.CaptureFixture[str]) -> None:
    bar = import_module("sklearn.callback").ProgressBar(max_propagation_depth=None)
    model = ours_for(TASKS["strings"], **{**BASE, **ENDS_BY_ITSELF, "max_iter": 9})
    search = GridSearchCV(model, {"alpha": [1e-4, 1e-1]}, cv=2, n_jobs=2).set_callbacks(bar)
    search.fit(X, y)
    shown = capsys.readouterr().out
    assert shown.count("MLPClassifier - fit") >= 5  # four fits, and that of the best
    pickle.dumps(search)
