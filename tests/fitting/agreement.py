"""What the estimators' tests share: small data sets, and how closely two models must agree."""

import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import sklearn.neural_network
from sklearn.datasets import make_multilabel_classification

import gpubackprop
from gpubackprop.fitting.options.values import Options

Array = npt.NDArray[Any]
Params = dict[str, Any]

OURS: Any = gpubackprop
THEIRS: ModuleType = sklearn.neural_network

ENDS_BY_ITSELF: Params = {"tol": 1e9, "n_iter_no_change": 4}
"""No epoch improves by so much: training stops after six, without a ConvergenceWarning."""

OWN_PARAMETERS = Options._fields


class Task(NamedTuple):
    """What a model is trained on."""

    estimator: str
    X: Array
    y: Array
    params: Params


class Tolerance(NamedTuple):
    """What reordered sums may cost: `loss` relative, `weight` in units of the largest weight."""

    loss: float
    weight: float


TOLERANCES = {"float64": Tolerance(1e-9, 1e-8), "float32": Tolerance(3e-5, 2e-3)}


def _tasks() -> dict[str, Task]:
    rng = np.random.RandomState(0)
    X = rng.randn(61, 5)  # 61 is prime: every batch size but 1 leaves a tail
    signal = X @ rng.randn(5, 3) + 0.1 * rng.randn(61, 3)
    classes = signal.argmax(axis=1)
    X_labels, labels = make_multilabel_classification(61, 5, n_classes=4, random_state=0)
    return {
        "binary": Task("MLPClassifier", X, (signal[:, 0] > 0).astype(int), {}),
        "multiclass": Task("MLPClassifier", X, classes * 2 - 1, {}),
        "strings": Task("MLPClassifier", X, np.array(["ant", "bee", "cat"])[classes], {}),
        "multilabel": Task("MLPClassifier", X_labels / 10, labels, {}),
        "one_class": Task("MLPClassifier", X, np.ones(61, dtype=int), {}),
        "regression": Task("MLPRegressor", X, signal[:, 0], {}),
        "multioutput": Task("MLPRegressor", X, signal, {}),
        "poisson": Task("MLPRegressor", X, rng.poisson(np.exp(X[:, 0])), {"loss": "poisson"}),
    }


TASKS = _tasks()
WEIGHTS = np.random.RandomState(1).uniform(0.1, 3, 61)


def ours_for(task: Task, **params: Any) -> Any:
    """Make our estimator."""
    return getattr(OURS, task.estimator)(**task.params, **params)


def twins(task: Task, backend: str = "auto", **params: Any) -> tuple[Any, Any]:
    """Make our estimator and scikit-learn's, with equal parameters."""
    theirs = getattr(THEIRS, task.estimator)(**task.params, **params)
    return ours_for(task, backend=backend, **params), theirs


def said(function: Callable[..., Any], *args: Any, **kwargs: Any) -> list[tuple[type, str]]:
    """Call and return the warnings given, by category and text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function(*args, **kwargs)
    return [(w.category, str(w.message)) for w in caught]


def train_both(
    ours: Any, theirs: Any, X: Any, y: Any, *args: Any, method: str = "fit", **kwargs: Any
) -> None:
    """Train the two and check that they give the same warnings."""
    ours_said = said(getattr(ours, method), X, y, *args, **kwargs)
    assert ours_said == said(getattr(theirs, method), X, y, *args, **kwargs)


def assert_same_model(ours: Any, theirs: Any, X: Any, y: Any, tolerance: Tolerance) -> None:
    """Check history, parameters, optimizer, generator and predictions of two trained models."""
    assert_same_history(ours, theirs, tolerance)
    assert_same_parameters(ours, theirs, tolerance)
    if theirs.solver != "lbfgs":
        assert_same_optimizer(ours._optimizer, theirs._optimizer, tolerance)
    assert state_of(ours._random_state) == state_of(theirs._random_state)
    assert_same_predictions(ours, theirs, X, y, tolerance)


def assert_same_history(ours: Any, theirs: Any, tolerance: Tolerance) -> None:
    """Check all that is recorded epoch by epoch."""
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    for name in ("loss_", "loss_curve_"):
        assert_close(ours, theirs, name, rtol=tolerance.loss, atol=0)
    for name in ("best_loss_", "validation_scores_", "best_validation_score_"):
        assert_close(ours, theirs, name, rtol=tolerance.loss, atol=tolerance.loss)
    for name in ("_no_improvement_count", "feature_names_in_", "classes_"):
        assert hasattr(ours, name) == hasattr(theirs, name), name
        np.testing.assert_array_equal(getattr(ours, name, 0), getattr(theirs, name, 0), name)


def assert_close(ours: Any, theirs: Any, name: str, rtol: float, atol: float) -> None:
    """Check one attribute, which may be absent or None, but then in both."""
    assert hasattr(ours, name) == hasattr(theirs, name), name
    mine: Any = getattr(ours, name, None)
    expected: Any = getattr(theirs, name, None)
    assert (mine is None) == (expected is None), name
    if expected is not None:
        np.testing.assert_allclose(mine, expected, rtol=rtol, atol=atol, err_msg=name)


def assert_same_parameters(ours: Any, theirs: Any, tolerance: Tolerance) -> None:
    """Check weights and biases, in their dtype too."""
    for name in ("coefs_", "intercepts_"):
        for mine, expected in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            assert mine.dtype == expected.dtype, name
            assert_near(mine, expected, tolerance.weight, name)


def assert_near(mine: Array, expected: Array, tolerance: float, name: str = "") -> None:
    """Check within a fraction of the largest element."""
    assert mine.shape == expected.shape, name
    largest = float(np.abs(expected).max())
    np.testing.assert_allclose(mine, expected, rtol=0, atol=tolerance * largest, err_msg=name)


def assert_same_optimizer(mine: Any, expected: Any, tolerance: Tolerance) -> None:
    """Check the state that training goes on from."""
    assert type(mine) is type(expected)
    np.testing.assert_allclose(mine.learning_rate, expected.learning_rate, rtol=1e-14)
    assert getattr(mine, "t", 0) == getattr(expected, "t", 0)
    for name in ("ms", "vs", "velocities"):
        pairs = zip(getattr(mine, name, ()), getattr(expected, name, ()), strict=True)
        for array, other in pairs:
            assert_near(array, other, tolerance.weight, name)


def assert_same_predictions(ours: Any, theirs: Any, X: Any, y: Any, tolerance: Tolerance) -> None:
    """Check predictions, probabilities and score."""
    mine, expected = ours.predict(X), theirs.predict(X)
    if hasattr(theirs, "classes_"):
        np.testing.assert_array_equal(mine, expected)
        np.testing.assert_allclose(
            ours.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=tolerance.weight
        )
    else:
        assert mine.dtype == expected.dtype
        assert_near(mine, expected, tolerance.weight)
    np.testing.assert_allclose(ours.score(X, y), theirs.score(X, y), atol=tolerance.weight)


def state_of(rng: np.random.RandomState) -> tuple[Any, ...]:
    """State of a generator, comparable."""
    kind, keys, *rest = rng.get_state()
    return (kind, tuple(keys), *rest)


def assert_bitwise_equal(mine: Any, other: Any) -> None:
    """Check that two trained models hold the very same numbers."""
    assert _losses(mine) == _losses(other)
    for name in ("coefs_", "intercepts_"):
        for a, b in zip(getattr(mine, name), getattr(other, name), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b, err_msg=name)


def _losses(model: Any) -> list[float]:
    """Loss of each epoch, or of L-BFGS, which has none, the last."""
    losses: list[float] = [model.loss_] if model.solver == "lbfgs" else model.loss_curve_
    return losses
