"""What a callback changes in the model counts from the next epoch on, or is refused in words."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from .agreement import (
    TASKS,
    THEIRS,
    TOLERANCES,
    Params,
    assert_bitwise_equal,
    assert_same_parameters,
    ours_for,
    said,
)

BASE: Params = {"hidden_layer_sizes": (6,), "batch_size": 16, "random_state": 0, "max_iter": 5}
TASK = TASKS["regression"]
ways = pytest.mark.parametrize("way", ["compiled", "reference", "csr"])
solvers = pytest.mark.parametrize("solver", ["adam", "sgd"])
Change = Callable[[Any], None]


def _train(way: str, change: Change | None = None, at: int = 2, **params: Any) -> Any:
    """Train with a callback that changes the model after one epoch."""

    def callback(estimator: Any, record: Any) -> None:
        if record.epoch == at and change is not None:
            change(estimator)

    backend, X = ("auto", scipy.sparse.csr_array(TASK.X)) if way == "csr" else (way, TASK.X)
    model = ours_for(TASK, backend=backend, callbacks=callback, **{**BASE, **params})
    said(model.fit, X, TASK.y)
    return model


class Hooked(THEIRS.MLPRegressor):  # type: ignore[misc, name-defined]
    """scikit-learn's, whose own hook after each epoch makes the change."""

    change: Any = None

    def _update_no_improvement_count(self, *arguments: Any) -> None:
        super()._update_no_improvement_count(*arguments)
        if self.n_iter_ == 2:
            type(self).change(self)


def _scikit_learns(change: Change, **params: Any) -> Any:
    class Changed(Hooked):
        pass

    Changed.change = staticmethod(change)
    model = Changed(**{**BASE, **params})
    said(model.fit, TASK.X, TASK.y)
    return model


def _halve(model: Any) -> None:
    for w in model.coefs_ + model.intercepts_:
        w *= 0.5


def _set(name: str, value: Any) -> Change:
    return lambda model: setattr(model, name, value)


def _set_in_optimizer(**values: Any) -> Change:
    return lambda model: vars(model._optimizer).update(values)


LIKE_SCIKIT_LEARN: dict[str, tuple[Change, Params]] = {
    "weights": (_halve, {}),
    "weights-sgd": (_halve, {"solver": "sgd"}),
    "weights-early-stopping": (_halve, {"early_stopping": True}),
    "alpha": (_set("alpha", 3.0), {}),
    "activation": (_set("activation", "tanh"), {}),
    "initial-rate-of-adam": (_set_in_optimizer(learning_rate_init=0.1), {}),
    "beta": (_set_in_optimizer(beta_1=0.1, beta_2=0.5, epsilon=0.1), {}),
    "rate-of-sgd": (_set_in_optimizer(learning_rate=0.1), {"solver": "sgd"}),
    "momentum": (_set_in_optimizer(momentum=0.1, nesterov=False), {"solver": "sgd"}),
    "tol": (_set("tol", 1e9), {"n_iter_no_change": 1}),
}


@ways
@pytest.mark.parametrize("name", LIKE_SCIKIT_LEARN)
def test_a_change_counts_as_in_scikit_learn(name: str, way: str) -> None:
    change, params = LIKE_SCIKIT_LEARN[name]
    ours, theirs = _train(way, change, **params), _scikit_learns(change, **params)
    untouched = _train(way, **params)
    assert_same_parameters(ours, theirs, TOLERANCES["float64"])
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-9)
    assert not np.array_equal(ours.coefs_[0], untouched.coefs_[0]) or params.get("early_stopping")


@ways
@solvers
def test_weights_may_be_replaced(way: str, solver: str) -> None:
    def replace(model: Any) -> None:
        model.coefs_ = [W * 0.5 for W in model.coefs_]
        model.intercepts_ = [b * 0.5 for b in model.intercepts_]

    assert_bitwise_equal(_train(way, replace, solver=solver), _train(way, _halve, solver=solver))


@ways
@pytest.mark.parametrize("epoch", [1, 5])
def test_weights_changed_after_any_epoch_stay(way: str, epoch: int) -> None:
    model = _train(way, lambda model: model.coefs_[0].fill(0.0), at=epoch, max_iter=epoch)
    assert not model.coefs_[0].any()


@ways
@pytest.mark.parametrize(
    ("name", "value", "params"),
    [
        ("learning_rate_init", 0.1, {}),
        ("learning_rate_init", 0.1, {"solver": "sgd"}),
        ("learning_rate_init", 0.1, {"solver": "sgd", "learning_rate": "adaptive"}),
        ("learning_rate_init", 0.1, {"solver": "sgd", "learning_rate": "invscaling"}),
        ("momentum", 0.1, {"solver": "sgd"}),
        ("nesterovs_momentum", False, {"solver": "sgd"}),
        ("beta_1", 0.1, {}),
        ("beta_2", 0.5, {}),
        ("epsilon", 0.1, {}),
    ],
)
def test_a_parameter_of_the_optimizer_counts_from_the_next_epoch_on(
    name: str, value: Any, params: Params, way: str
) -> None:
    def in_two_calls() -> Any:  # `partial_fit` keeps the optimizer and the weights
        examples = scipy.sparse.csr_array(TASK.X) if way == "csr" else TASK.X
        generator = np.random.RandomState(0)
        backend = "auto" if way == "csr" else way
        own = {**BASE, **params, "random_state": generator, "shuffle": False}
        model = ours_for(TASK, backend=backend, **own)
        for epoch in range(1, 6):
            model.partial_fit(examples, TASK.y)
            if epoch == 2:
                _expected_change(model, name, value)
        return model

    at_first = _train(way, _set(name, value), at=2, shuffle=False, **params)
    assert_bitwise_equal(at_first, in_two_calls())


def _expected_change(model: Any, name: str, value: Any) -> None:
    optimizer = model._optimizer
    inside = {"nesterovs_momentum": "nesterov"}.get(name, name)
    setattr(optimizer, inside, value)
    if name == "learning_rate_init" and model.solver == "sgd":
        decay = (model.t_ + 1) ** model.power_t if model.learning_rate == "invscaling" else 1
        optimizer.learning_rate = value / decay


def test_adams_rate_may_be_scaled() -> None:
    def divide(model: Any) -> None:
        model._optimizer.learning_rate /= 8  # of two: no rounding

    initial = _train("compiled", _set_in_optimizer(learning_rate_init=0.001 / 8))
    assert_bitwise_equal(_train("compiled", divide), initial)


@ways
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("batch_size", 3), ("hidden_layer_sizes", (7,)), ("solver", "sgd"), ("max_iter", 9)),
        *(("early_stopping", True), ("random_state", 3), ("precision", "float32")),
        *(("dropout", 0.5), ("out_activation", "tanh")),
    ],
)
def test_what_cannot_change_is_refused(name: str, value: Any, way: str) -> None:
    with pytest.raises(ValueError, match=f"a callback changed {name}, which cannot change while"):
        _train(way, _set(name, value))


@pytest.mark.parametrize(
    ("name", "value"), [("clip_norm", -1.0), ("weight_decay", "a"), ("activation", "swish")]
)
def test_a_value_that_fit_would_refuse_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"The '{name}' parameter of MLPRegressor must be"):
        _train("compiled", _set(name, value))


@ways
def test_weights_of_another_shape_are_refused(way: str) -> None:
    def widen(model: Any) -> None:
        model.coefs_[0] = np.zeros((5, 7))

    with pytest.raises(ValueError, match=r"changed the shapes of coefs_ .* to \[\(5, 7\)"):
        _train(way, widen)
