"""Values of parameters are checked once for a class, and anything else every time."""

import warnings
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pytest
import sklearn
from sklearn.base import clone

import gpubackprop as ours
from gpubackprop.fitting import accelerated
from gpubackprop.fitting.scikit_learn import parameters

from .agreement import TASKS

BASE: dict[str, Any] = {"hidden_layer_sizes": (3,), "max_iter": 1, "random_state": 0}
X, y = TASKS["regression"].X, TASKS["regression"].y


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    parameters._passed.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    parameters._passed.clear()


def regressor(**params: Any) -> Any:
    return ours.MLPRegressor(**{**BASE, **params})


def _refuse(*arguments: Any, **named: Any) -> None:
    raise AssertionError("checked again")


def test_a_clone_is_not_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    model = regressor(alpha=np.float64(0.5)).fit(X, y)
    monkeypatch.setattr(type(model), "_check_values", _refuse)
    clone(model).fit(X, y)
    with pytest.raises(AssertionError, match="again"):
        clone(model).set_params(alpha=np.float64(0.25)).fit(X, y)


WRONG: dict[str, Any] = {
    "hidden_layer_sizes": (0,),
    "max_iter": 1.0,
    "random_state": "seed",
    "alpha": -1.0,
    "solver": "newton",
    "verbose": -1,
    "warm_start": 2,
    "shuffle": 1.5,
    "momentum": 2.0,
    "epsilon": -1.0,
    "backend": "fast",
    "device": "cuda0",
    "precision": "half",
    "dropout": (0.5, False),
    "schedule": "steps",
    "out_activation": "softmax",
    "scoring": "beauty",
    "callbacks": 3,
    "checkpoint": "all",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_refused_after_a_right_one(name: str) -> None:
    model = regressor().fit(X, y)
    model.set_params(**{name: WRONG[name]})
    refused = []
    for _ in range(2):  # a refusal is not remembered as a pass
        with pytest.raises((ValueError, TypeError, RuntimeError)) as caught:
            model.fit(X, y)
        refused.append((caught.type, str(caught.value)))
    parameters._passed.clear()
    with pytest.raises(refused[0][0]) as caught:
        model.fit(X, y)
    assert refused == [(caught.type, str(caught.value))] * 2


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("max_iter", 1, 1.0),
        ("max_iter", 1, True),
        ("max_fun", 1, np.float64(1.0)),
        ("dropout", (0.5, 0), (0.5, False)),
        ("dropout", 0, False),
    ],
)
def test_equal_values_of_other_types_are_checked(name: str, right: Any, wrong: Any) -> None:
    def outcome(value: Any) -> Any:
        try:
            regressor(**{name: value})._validate_params()
        except (ValueError, TypeError) as error:
            return str(error)
        return None

    alone = outcome(wrong)
    parameters._passed.clear()
    assert (outcome(right), outcome(wrong)) == (None, alone)


def test_what_may_change_is_checked_every_time() -> None:
    layers = [3]
    model = regressor(hidden_layer_sizes=layers, dropout=[0.0, 0.5]).fit(X, y)
    layers.append(3)
    with pytest.raises(ValueError, match="3 rates"):
        model.fit(X, y)
    assert parameters._passed == {}


def test_a_class_has_its_own_constraints() -> None:
    class Strict(ours.MLPRegressor):
        _parameter_constraints: ClassVar[dict[str, Any]] = {
            **ours.MLPRegressor._parameter_constraints,
            "alpha": ["boolean"],
        }

    regressor().fit(X, y)
    with pytest.raises(ValueError, match="alpha"):
        Strict(**BASE).fit(X, y)
    Strict(**BASE, alpha=True).fit(X, y)
    Strict._parameter_constraints["alpha"] = [str]
    with pytest.raises(ValueError, match="alpha"):
        Strict(**BASE, alpha=True).fit(X, y)


def test_a_name_that_a_subclass_claims_is_checked_in_other_classes() -> None:
    class Claims(ours.MLPRegressor):
        scoring = 5

    Claims(**BASE)._validate_params()
    with pytest.raises(ValueError, match="scoring"):
        regressor(scoring=5)._validate_params()


def test_whether_a_device_can_be_used_is_asked_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(accelerated.backends, "require_usable", lambda *how: asked.append(how[1]))
    for _ in range(2):
        regressor(device="cuda:1")._validate_params()
    assert asked == ["cuda:1"] * 2


def test_checks_of_a_subclass_are_made_every_time() -> None:
    class Own(ours.MLPRegressor):
        checks = 0

        def _validate_params(self) -> None:
            type(self).checks += 1
            super()._validate_params()

    for _ in range(3):
        Own(**BASE).fit(X, y)
    assert Own.checks == 3


def test_checks_can_be_skipped() -> None:
    with sklearn.config_context(skip_parameter_validation=True):
        regressor(tol=-1).fit(X, y)
    with pytest.raises(ValueError, match="tol"):
        regressor(tol=-1).fit(X, y)


def test_not_all_values_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parameters, "_MOST", 3)
    for alpha in range(10):
        regressor(alpha=alpha).fit(X, y)
        assert 0 < len(parameters._passed) <= 3
