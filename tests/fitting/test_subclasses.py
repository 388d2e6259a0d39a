"""Subclasses that scikit-learn honours: the same numbers as its own class, or bits."""

import logging
import types
from typing import Any

import numpy as np
import pytest
from sklearn.neural_network import _multilayer_perceptron as mlp

from .agreement import OURS, TASKS, THEIRS, assert_bitwise_equal
from .ways import BASE, TASK, WAYS, assert_same, each_with_ways, every_way, fit, trained_twins


def _noisy_backprop(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def _backprop(self, *arguments: Any) -> Any:
            loss, coef_grads, intercept_grads = super()._backprop(*arguments)
            return loss, [g * 0.5 for g in coef_grads], intercept_grads

    return Model


def _residual_forward_pass(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def _forward_pass(self, activations: list[Any]) -> Any:
            activations = super()._forward_pass(activations)
            activations[1] *= 0.9
            return activations

    return Model


def _clipped_gradient(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def _compute_loss_grad(self, layer: int, *arguments: Any) -> None:
            super()._compute_loss_grad(layer, *arguments)
            np.clip(arguments[3][layer], -0.01, 0.01, out=arguments[3][layer])

    return Model


def _weights_clipped_after_epochs(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def _update_no_improvement_count(self, *arguments: Any) -> None:
            for W in self.coefs_:
                np.clip(W, -0.3, 0.3, out=W)
            super()._update_no_improvement_count(*arguments)

    return Model


def _own_coefs(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def _init_coef(self, fan_in: int, fan_out: int, dtype: Any) -> Any:
            W = self._random_state.normal(0, 0.1, (fan_in, fan_out))
            return np.asfortranarray(W, dtype), np.full(fan_out, 0.1, dtype)

    return Model


def _tied_layers(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def __init__(self, **params: Any) -> None:
            super().__init__(**{**params, "hidden_layer_sizes": (4, 4, 4)})

        def _initialize(self, *arguments: Any) -> None:
            super()._initialize(*arguments)
            self.coefs_[2] = self.coefs_[1].T

    return Model


def _bounded_output(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def _initialize(self, *arguments: Any) -> None:
            super()._initialize(*arguments)
            self.out_activation_ = "tanh" if hasattr(self, "loss") else "softmax"

    return Model


def _masked_unpack(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def _unpack(self, packed: Any) -> None:
            super()._unpack(packed)
            self.coefs_[0] = self.coefs_[0] * (np.arange(6) % 2)

    return Model


def _half_of_the_rows(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def _loss_grad_lbfgs(self, packed: Any, X: Any, y: Any, w: Any, *buffers: Any) -> Any:
            buffers[0][0] = X[::2]
            return super()._loss_grad_lbfgs(packed, X[::2], y[::2], w, *buffers)

    return Model


def _own_score(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def _score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
            return -float(np.abs(self.coefs_[0]).sum())

    return Model


def _own_score_with_function(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def _score_with_function(self, *arguments: Any, **named: Any) -> Any:
            return super()._score_with_function(*arguments, **named) - self.n_iter_

    return Model


def _own_prediction(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def _forward_pass_fast(self, X: Any, check_input: bool = True) -> Any:
            return np.roll(super()._forward_pass_fast(X, check_input), 1)

    return Model


def _through_a_mixin(base: Any) -> Any:
    class Mixin(mlp.BaseMultilayerPerceptron):  # type: ignore[misc]
        def _compute_loss_grad(self, layer: int, *arguments: Any) -> None:
            super()._compute_loss_grad(layer, *arguments)
            arguments[3][layer] *= 0.5

    return type("Model", (base, Mixin), {})


def _backprop_of_the_instance(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def _initialize(self, *arguments: Any) -> None:
            super()._initialize(*arguments)
            own = super()._backprop

            def halved(self: Any, *arguments: Any) -> Any:
                loss, coef_grads, intercept_grads = own(*arguments)
                return loss, coef_grads, [g / 2 for g in intercept_grads]

            self._backprop = types.MethodType(halved, self)

    return Model


def _scheduled_alpha(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        @property
        def alpha(self) -> float:
            return 0.5 / (1 + vars(self).get("n_iter_", 0))

        @alpha.setter
        def alpha(self, value: float) -> None:
            pass

    return Model


def _other_generator(base: Any) -> Any:
    class Backwards(np.random.RandomState):
        def shuffle(self, x: Any) -> None:
            x[:] = np.arange(len(x))[::-1]

    class Model(base):  # type: ignore[misc]
        def _initialize(self, *arguments: Any) -> None:
            super()._initialize(*arguments)
            self._random_state = Backwards(3)

    return Model


SUBCLASSES = {
    _noisy_backprop: "adam lbfgs partial_fit",
    _residual_forward_pass: "sgd lbfgs warm_start",
    _clipped_gradient: "early_stopping lbfgs partial_fit",
    _weights_clipped_after_epochs: "adam early_stopping warm_start",
    _own_coefs: "sgd lbfgs partial_fit",
    _tied_layers: "adam lbfgs warm_start",
    _bounded_output: "sgd lbfgs early_stopping",
    _masked_unpack: "adam lbfgs",
    _half_of_the_rows: "sgd lbfgs",
    _own_score: "sgd early_stopping",
    _own_score_with_function: "adam early_stopping",
    _own_prediction: "adam lbfgs early_stopping",
    _through_a_mixin: "adam lbfgs partial_fit",
    _backprop_of_the_instance: "sgd lbfgs warm_start",
    _scheduled_alpha: "adam lbfgs warm_start",
    _other_generator: "adam sgd partial_fit",
}
"""Each with the ways to train that it is tried in."""


@each_with_ways("subclass", SUBCLASSES)
def test_a_subclass_trains_as_scikit_learns_does(subclass: Any, way: str) -> None:
    assert_same(*trained_twins(TASK[way], way, subclass))


@pytest.mark.parametrize(
    ("subclass", "way"),
    [
        (_noisy_backprop, "adam"),
        (_noisy_backprop, "lbfgs"),
        (_residual_forward_pass, "sgd"),
        (_clipped_gradient, "early_stopping"),
        (_weights_clipped_after_epochs, "partial_fit"),
        (_half_of_the_rows, "lbfgs"),
        (_bounded_output, "adam"),
    ],
)
def test_what_is_handed_down_ends_in_scikit_learns_bits(
    subclass: Any, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "gpubackprop"):
        ours, theirs = trained_twins("regression", way, subclass)
    for a, b in zip(
        ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True
    ):
        np.testing.assert_array_equal(a, b)
    assert "Model is left to scikit-learn's own code" in caplog.text


def test_the_reason_names_the_method(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "gpubackprop"):
        trained_twins("regression", "adam", _clipped_gradient)
    assert "Model has a _compute_loss_grad of its own" in caplog.text


def test_a_subclass_that_only_adds_is_not_handed_down(caplog: pytest.LogCaptureFixture) -> None:
    def harmless(base: Any) -> Any:
        class Model(base):  # type: ignore[misc]
            def __init__(self, extra: int = 1, **params: Any) -> None:
                super().__init__(**params)
                self.extra = extra

            def fit(self, X: Any, y: Any) -> Any:
                return super().fit(X, y)

        return Model

    with caplog.at_level(logging.DEBUG, "gpubackprop"):
        assert_same(*trained_twins("multiclass", "adam", harmless))
    assert "scikit-learn's own code" not in caplog.text


# with what is ours on top


@pytest.mark.parametrize("subclass", [_clipped_gradient, _weights_clipped_after_epochs])
@pytest.mark.parametrize("way", ["adam", "sgd", "early_stopping"])
def test_callbacks_are_called_where_scikit_learns_code_trains(subclass: Any, way: str) -> None:
    chosen, (params, train) = TASKS["multiclass"], WAYS[way]
    records = []
    watched, theirs = (
        subclass(package.MLPClassifier)(**{**BASE, **params}) for package in (OURS, THEIRS)
    )
    watched.callbacks = [lambda model, record: records.append((record.epoch, record.loss))]
    for model in (watched, theirs):
        train(model, chosen.X, chosen.y)
    assert records == list(zip(range(1, 5), theirs.loss_curve_, strict=True))
    assert_bitwise_equal(watched, theirs)


@every_way
def test_a_gpu_asked_for_by_name_says_why_not(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpubackprop.backends.select", lambda *_: None)
    model = _clipped_gradient(OURS.MLPRegressor)(**{**BASE, **WAYS[way][0]}, device="cuda")
    with pytest.raises(ValueError, match=r"device='cuda': .*_compute_loss_grad of its own"):
        WAYS[way][1](model, TASKS["regression"].X, TASKS["regression"].y)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_the_type_asked_for_is_computed_in(precision: str) -> None:
    task = TASKS["regression"]
    model = _clipped_gradient(OURS.MLPRegressor)(**BASE, precision=precision)
    fit(model, task.X, task.y)
    assert {W.dtype.name for W in model.coefs_} == {precision}
