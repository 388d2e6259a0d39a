"""A fit refuses what scikit-learn's refuses, in its words, and leaves the same behind."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import sklearn
import sklearn.neural_network as theirs

import gpubackprop as ours

from .agreement import TASKS

BASE: dict[str, Any] = {"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0}
X, y = TASKS["regression"].X, TASKS["regression"].y


@pytest.fixture
def cls(package: Any) -> Any:
    return package.MLPRegressor


@pytest.fixture(autouse=True)
def short_fits() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def refused(cls: Any, *arguments: Any, **params: Any) -> tuple[Any, str] | None:
    with sklearn.config_context(skip_parameter_validation=True):
        try:
            cls(**{**BASE, **params}).fit(*arguments)
        except Exception as error:
            return type(error), str(error)
    return None


def assert_refused_alike(cls: Any, *arguments: Any, **params: Any) -> None:
    mine = refused(cls, *arguments, **params)
    ours.stop_accelerating()
    assert mine == refused(theirs.MLPRegressor, *arguments, **params)


@pytest.mark.parametrize("hidden", [0, -1, (3, 0), [], 4, np.array([3, 2]), ("a",), None, (2.5,)])
def test_layers(cls: Any, hidden: Any) -> None:
    assert_refused_alike(cls, X, y, hidden_layer_sizes=hidden)


@pytest.mark.parametrize("epochs", [2.0, "2", np.int8(2), True])
def test_numbers_of_epochs(cls: Any, epochs: Any) -> None:
    assert_refused_alike(cls, X, y, max_iter=epochs)


@pytest.mark.parametrize(
    "weight", [y[1:], -abs(y), [*y[1:], np.nan], "heavy", np.ones((61, 2)), list(abs(y)), 2.0, None]
)
def test_weights_of_the_examples(cls: Any, weight: Any) -> None:
    assert_refused_alike(cls, X, y, weight)


def test_weights_that_are_not_finite(cls: Any) -> None:
    params = {"solver": "sgd", "learning_rate_init": 1e300}
    assert refused(cls, X, y, **params) is not None
    assert_refused_alike(cls, X, y, **params)


def test_an_unknown_solver_of_scikit_learns_class_trains_nothing() -> None:
    with ours.accelerated(), sklearn.config_context(skip_parameter_validation=True):
        model = theirs.MLPRegressor(**BASE, solver="unknown").fit(X, y)
    assert model.n_iter_ == 0


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("seed", [0, np.int64(1), np.random.RandomState])
def test_the_numbers_drawn_are_scikit_learns(cls: Any, seed: Any, solver: str) -> None:
    def state(cls: Any) -> Any:
        given = seed(3) if callable(seed) else seed
        model = cls(**{**BASE, "random_state": given, "solver": solver}).fit(X, y)
        return model._random_state.get_state(), model.get_params()

    mine, params = state(cls)
    ours.stop_accelerating()
    expected, _ = state(theirs.MLPRegressor)
    np.testing.assert_equal(mine, expected)
    assert params["solver"] == solver


def test_a_subclass_around_a_fit_is_called() -> None:
    class Own(ours.MLPRegressor):
        def _fit(self, *arguments: Any, **named: Any) -> Any:
            self.asked = True
            return super()._fit(*arguments, **named)

        def _initialize(self, *arguments: Any) -> None:
            self.seen = self.solver
            super()._initialize(*arguments)

    model = Own(**BASE, solver="nadam").fit(X, y)
    assert model.asked
    assert (model.seen, len(model.loss_curve_)) == ("nadam", 2)
