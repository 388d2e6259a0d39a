"""Solvers that scikit-learn lacks, decoupled weight decay, schedules and clipping in estimators."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import gpubackprop
from gpubackprop import MLPClassifier, MLPRegressor
from gpubackprop.fitting import solvers
from gpubackprop.fitting.engines import kept

from .agreement import assert_bitwise_equal

RNG = np.random.RandomState(0)
X = RNG.randn(40, 5)
Y = X @ RNG.randn(5, 2) + 0.1 * RNG.randn(40, 2)
LABELS = (Y[:, 0] > 0).astype(int) + (Y[:, 1] > 0)
BASE: dict[str, Any] = {
    "hidden_layer_sizes": (6,),
    "activation": "tanh",
    "random_state": 0,
    "shuffle": False,
    "batch_size": 16,
    "max_iter": 4,
    "learning_rate_init": 0.01,
}
BATCHES = 3
OURS = ("adamw", "nadam", "rmsprop", "lion")
SOLVERS = ("sgd", "adam", *OURS)

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


def fitted(**params: Any) -> Any:
    return MLPRegressor(**{**BASE, **params}).fit(X, Y)


def weights(model: Any) -> list[Any]:
    return [*model.coefs_, *model.intercepts_]


def assert_close(one: Any, another: Any) -> None:
    for a, b in zip(weights(one), weights(another), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


class Textbook:
    """A regressor of one hidden layer of tanh units, trained in NumPy from the same start."""

    def __init__(self, model: Any) -> None:
        start = clone(model).set_params(max_iter=1, solver="sgd", learning_rate_init=1e-300)
        start.set_params(weight_decay=None, schedule=None, warmup=0.0, clip_norm=None)
        start.fit(X, Y)  # at this rate the weights stay what they were drawn as
        self.theta = [w.copy() for w in weights(start)]
        self.alpha = model.alpha

    def gradients(self, rows: slice) -> list[Any]:
        """Of the mean squared error of a batch, without the penalty."""
        W1, W2, b1, b2 = self.theta
        A = np.tanh(X[rows] @ W1 + b1)
        delta = (A @ W2 + b2 - Y[rows]) / len(X[rows])
        below = (delta @ W2.T) * (1 - A**2)
        return [X[rows].T @ below, A.T @ delta, below.sum(axis=0), delta.sum(axis=0)]

    def run(self, rates: Any, clip: float, weight_decay: float) -> "Textbook":
        """Take plain steps, one for each rate."""
        starts = np.tile(np.arange(0, len(X), 16), 100)
        for rate, start in zip(rates, starts, strict=False):
            rows = slice(start, start + 16)
            grads = self.gradients(rows)
            norm = np.sqrt(sum((g**2).sum() for g in grads))
            for i, (w, g) in enumerate(zip(self.theta, grads, strict=True)):
                g = g * min(1, clip / norm)
                if i < 2:
                    g = g + self.alpha / len(X[rows]) * w
                    w *= 1 - rate * weight_decay
                w -= rate * g
        return self


PROGRESS = np.arange(4 * BATCHES) / (4 * BATCHES)
CURVES = {
    "cosine": (1 + np.cos(np.pi * PROGRESS)) / 2,
    "linear": 1 - PROGRESS,
    "log_cosine": (1 - np.cos(2 * np.pi * np.log2(1 + 15 * PROGRESS))) / 2,
    "one_cycle": np.where(
        PROGRESS < 0.3,
        1 / 25 + (1 - 1 / 25) * (1 - np.cos(np.pi * PROGRESS / 0.3)) / 2,
        1 / 250000 + (1 - 1 / 250000) * (1 + np.cos(np.pi * (PROGRESS - 0.3) / 0.7)) / 2,
    ),
}


@pytest.mark.parametrize("backend", ["compiled", "reference"])
@pytest.mark.parametrize("schedule", [*CURVES, "function", None])
def test_steps_are_the_textbooks(schedule: Any, backend: str) -> None:
    """Each batch has its own rate, a gradient of limited norm and shrinking weights."""
    params = {
        "solver": "sgd",
        "momentum": 0.0,
        "alpha": 0.5,
        "learning_rate_init": 0.1,
        "weight_decay": 0.3,
        "clip_norm": 0.7,
        "warmup": 1.5,
        "backend": backend,
    }
    given = (lambda progress: progress**2) if schedule == "function" else schedule
    model = fitted(schedule=given, **params)
    curve = {"function": PROGRESS**2, None: np.ones(12), **CURVES}[schedule]
    rates = 0.1 * curve * np.minimum(1, np.arange(1, 13) / 4.5)
    expected = Textbook(model).run(rates, 0.7, 0.3)
    for w, e in zip(weights(model), expected.theta, strict=True):
        np.testing.assert_allclose(w, e, rtol=0, atol=1e-12)
    recorded = [record.learning_rate for record in model.history_]
    np.testing.assert_allclose(recorded, rates.reshape(4, 3).mean(axis=1), rtol=1e-12)
    assert all(record.gradient_norm > 0 for record in model.history_)


def test_the_norm_may_be_measured_alone() -> None:
    plain, measured = fitted(), fitted(clip_norm=np.inf)
    assert_bitwise_equal(plain, measured)
    gradients = Textbook(fitted(max_iter=1)).gradients(slice(0, 40))
    one = fitted(clip_norm=np.inf, batch_size=40, max_iter=1, alpha=0.0)
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    np.testing.assert_allclose(one.history_[0].gradient_norm, norm, rtol=1e-12)
    assert plain.history_[0].gradient_norm is None


@pytest.mark.parametrize("solver", SOLVERS)
def test_backends_agree(solver: str) -> None:
    params = {"solver": solver, "weight_decay": 0.1, "schedule": "cosine", "clip_norm": 1.0}
    one, another = (fitted(backend=backend, **params) for backend in ("compiled", "reference"))
    assert_close(one, another)
    assert one.solver == solver
    assert one.loss_curve_[-1] != one.loss_curve_[0]


def test_adamw_is_adam_with_a_weight_decay() -> None:
    """But for epsilon, which tends to nothing here."""
    adam = fitted(solver="adam", weight_decay=0.01, epsilon=1e-300)
    adamw = fitted(solver="adamw", epsilon=1e-300)
    assert_close(adam, adamw)
    undecayed = fitted(solver="adamw", weight_decay=0.0, epsilon=1e-300)
    assert_close(fitted(solver="adam", epsilon=1e-300), undecayed)
    assert np.abs(undecayed.coefs_[0] - adamw.coefs_[0]).max() > 1e-6


@pytest.mark.parametrize("solver", OURS)
def test_a_fit_goes_on_where_it_was(solver: str) -> None:
    """Epoch by epoch, through a pickle, a copy and a warm start, is what one fit does."""
    whole = fitted(solver=solver)
    streamed = MLPRegressor(**{**BASE, "solver": solver})
    for _ in range(2):
        streamed.partial_fit(X, Y)
    assert kept.engines
    for again in (copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))):
        streamed = again(streamed).partial_fit(X, Y)
    assert_bitwise_equal(whole, streamed)
    assert whole._optimizer.trigger_stopping("", False)
    warm = fitted(solver=solver, warm_start=True, max_iter=2)
    state = warm._optimizer
    warm.fit(X, Y)
    assert warm._optimizer is not state  # a warm start begins with a new one, as scikit-learn's


@pytest.mark.parametrize("solver", OURS)
def test_the_kept_engine_computes_the_same_bits(
    solver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def streamed() -> Any:
        model = MLPClassifier(**{**BASE, "solver": solver, "clip_norm": 0.5})
        for decay in (None, None, 0.2, 0.2):
            model.set_params(weight_decay=decay).partial_fit(X, LABELS, classes=[0, 1, 2])
        return model

    found = streamed()
    kept.engines.clear()
    monkeypatch.setattr(kept, "MAX_BYTES", -1)
    assert_bitwise_equal(found, streamed())


def test_a_clone_and_a_search() -> None:
    model = MLPClassifier(**BASE, schedule="linear", warmup=1, clip_norm=2.0, weight_decay=0.1)
    assert clone(model).get_params() == model.get_params()
    search = GridSearchCV(model, {"solver": ["lion", "adamw"]}, cv=2).fit(X, LABELS)
    assert search.best_estimator_.solver in ("lion", "adamw")


def test_a_callback_changes_rate_and_decay() -> None:
    def halve(model: Any, record: Any) -> None:
        if record.epoch == 2:
            model.learning_rate_init, model.weight_decay, model.clip_norm = 0.005, 0.5, 0.1

    at_once = fitted(solver="lion", callbacks=halve)
    in_calls = MLPRegressor(**{**BASE, "solver": "lion"})
    for epoch in range(4):
        in_calls.partial_fit(X, Y)
        if epoch == 1:
            in_calls.set_params(weight_decay=0.5, clip_norm=0.1)
            in_calls._optimizer.learning_rate = 0.005
    assert_bitwise_equal(at_once, in_calls)
    assert [record.learning_rate for record in at_once.history_] == [0.01, 0.01, 0.005, 0.005]


def test_early_stopping_and_an_interrupt_leave_the_solver_its_name() -> None:
    def interrupt(model: Any, record: Any) -> None:
        raise KeyboardInterrupt

    model = MLPClassifier(**BASE, solver="nadam", early_stopping=True, callbacks=interrupt)
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X, LABELS)
    assert type(model.solver) is str
    assert model.solver == "nadam"


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "lbfgs": (
        {"solver": "lbfgs", "weight_decay": 0.1, "clip_norm": 1.0},
        r"weight_decay=0.1, clip_norm=1.0: the solver 'lbfgs' takes no steps",
    ),
    "lbfgs, schedule": ({"solver": "lbfgs", "schedule": "linear"}, "schedule='linear': the solver"),
    "lbfgs, warmup": ({"solver": "lbfgs", "warmup": 1}, "warmup=1: the solver"),
    "two schedules": (
        {"solver": "sgd", "learning_rate": "adaptive", "schedule": "cosine"},
        "schedule='cosine' and learning_rate='adaptive' both set",
    ),
    "a negative decay": ({"weight_decay": -1.0}, "'weight_decay' parameter"),
    "no norm": ({"clip_norm": 0.0}, "'clip_norm' parameter"),
    "an unknown schedule": ({"schedule": "cosin"}, "'schedule' parameter.*log_cosine"),
    "a negative warmup": ({"warmup": -0.5}, "'warmup' parameter"),
    "an unknown solver": ({"solver": "adagrad"}, "'solver' parameter.*lion"),
    "a negative factor": (
        {"schedule": lambda progress: -1.0},
        "schedule must return a factor .* at the progress 0: got -1.0",
    ),
    "no factor": ({"schedule": lambda progress: None}, "schedule must return a factor"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_meaning_is_refused(name: str) -> None:
    params, words = REFUSED[name]
    with pytest.raises(ValueError, match=words):
        fitted(**params)


def test_a_warmup_of_an_adaptive_rate_has_a_meaning() -> None:
    model = fitted(solver="sgd", learning_rate="invscaling", warmup=1)
    rates = [record.learning_rate for record in model.history_]
    np.testing.assert_allclose(
        rates, [0.01 * 2 / 3, *(0.01 / (40 * k + 1) ** 0.5 for k in (1, 2, 3))]
    )


@pytest.mark.parametrize("params", [{"schedule": "cosine"}, {"warmup": 1}])
def test_partial_fit_has_no_progress(params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="partial_fit does not know which part"):
        MLPRegressor(**BASE, **params).partial_fit(X, Y)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"solver": "lion"}, "solver='lion': .* has no such solver"),
        ({"clip_norm": 1.0}, "clip_norm=1.0: .* has no such option"),
        ({"weight_decay": 0.1, "warmup": 2}, "weight_decay=0.1, warmup=2: "),
    ],
)
def test_scikit_learns_own_code_does_not_ignore_them(params: dict[str, Any], words: str) -> None:
    class Own(MLPRegressor):
        def _backprop(self, *arguments: Any) -> Any:
            return super()._backprop(*arguments)

    with pytest.raises(ValueError, match=words):
        Own(**BASE, **params).fit(X, Y)


def test_nothing_is_trained_without_validation_of_parameters() -> None:
    """scikit-learn's code returns a model with such a solver as it was initialised."""
    with config_context(skip_parameter_validation=True):
        model = fitted(solver="lion")
        model.partial_fit(X, Y)
    assert len(model.loss_curve_) == 5


def test_scikit_learns_class_is_told_what_it_lacks() -> None:
    model = fitted(solver="lion", clip_norm=1.0)
    with pytest.warns(UserWarning, match=r"no solver='lion', clip_norm=1\.0"):
        plain = model.to_sklearn()
    np.testing.assert_allclose(plain.predict(X), model.predict(X))
    assert plain.solver == "adam"
    plain.partial_fit(X, Y)
    assert gpubackprop.MLPRegressor.from_sklearn(plain).solver == "adam"


def test_a_solver_keeps_its_name_where_two_threads_fit_one_estimator() -> None:
    model, seen = MLPRegressor(solver="lion"), []
    solvers.initialize(model, lambda: seen.append(model.solver))
    (model.solver,) = seen  # as another thread finds it meanwhile
    solvers.initialize(model, lambda: None)
    assert model.get_params()["solver"] == "lion"
