"""Subclasses and patches that scikit-learn honours: the same numbers as its own class, or bits."""

import itertools
import logging
import pickle
import types
from collections.abc import Callable
from typing import Any, ClassVar
from unittest import mock

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.neural_network import _multilayer_perceptron as mlp

from gpubackprop.fitting import prediction
from gpubackprop.fitting.scikit_learn import contract

from .agreement import (
    OURS,
    TASKS,
    THEIRS,
    TOLERANCES,
    Params,
    assert_bitwise_equal,
    assert_same_parameters,
    said,
)

BASE: Params = {"hidden_layer_sizes": (6, 4), "batch_size": 16, "random_state": 0, "max_iter": 4}
MANY = np.tile(TASKS["regression"].X, (prediction.BLOCK_ROWS // 61 + 2, 1))

Train = Callable[[Any, Any, Any], None]
"""Trains a model on X and y."""


def _fit(model: Any, X: Any, y: Any) -> None:
    said(model.fit, X, y)


def _partial_fit(model: Any, X: Any, y: Any) -> None:
    for rows in (slice(0, 30), slice(30, 61), slice(0, 61)):
        classes = {"classes": np.unique(y)} if hasattr(model, "predict_proba") else {}
        said(model.partial_fit, X[rows], y[rows], **classes)


def _warm_start(model: Any, X: Any, y: Any) -> None:
    model.warm_start = True
    for _ in range(2):
        said(model.fit, X, y)


WAYS: dict[str, tuple[Params, Train]] = {
    "adam": ({}, _fit),
    "sgd": ({"solver": "sgd", "learning_rate": "adaptive"}, _fit),
    "early_stopping": ({"early_stopping": True}, _fit),
    "partial_fit": ({}, _partial_fit),
    "warm_start": ({}, _warm_start),
    "lbfgs": ({"solver": "lbfgs"}, _fit),
}
TASK = dict(zip(WAYS, itertools.cycle(["regression", "multiclass"])))
"""What each way is tried on."""
every_way = pytest.mark.parametrize("way", WAYS)
stochastic = pytest.mark.parametrize("way", [way for way in WAYS if way != "lbfgs"])


def each_with_ways(argument: str, ways: dict[Any, str]) -> Any:
    """Run a test for each of these, in its ways."""
    cases = [(each, way) for each, named in ways.items() for way in named.split()]
    return pytest.mark.parametrize((argument, "way"), cases)


# subclasses, made of scikit-learn's class and of ours


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


def _twins(task: str, way: str, subclass: Callable[[Any], Any] = lambda base: base) -> list[Any]:
    """Train our model and scikit-learn's."""
    chosen, (params, train) = TASKS[task], WAYS[way]
    models = []
    for package in (OURS, THEIRS):
        model = subclass(getattr(package, chosen.estimator))(**{**BASE, **params})
        train(model, chosen.X, chosen.y)
        models.append(model)
    return models


def _assert_same(ours: Any, theirs: Any) -> None:
    """Check weights, history and predictions of more rows than scikit-learn's code is left with."""
    tolerance = TOLERANCES["float64"]
    assert_same_parameters(ours, theirs, tolerance)
    np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=tolerance.loss)
    assert ours.n_iter_ == theirs.n_iter_
    if ours.early_stopping:
        scores = ours.validation_scores_, theirs.validation_scores_
        np.testing.assert_allclose(*scores, rtol=tolerance.loss)
    look = "predict_proba" if hasattr(theirs, "predict_proba") else "predict"
    predicted = [getattr(model, look)(MANY) for model in (ours, theirs)]
    np.testing.assert_allclose(*predicted, rtol=0, atol=tolerance.weight)


@each_with_ways("subclass", SUBCLASSES)
def test_a_subclass_trains_as_scikit_learns_does(subclass: Any, way: str) -> None:
    _assert_same(*_twins(TASK[way], way, subclass))


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
        ours, theirs = _twins("regression", way, subclass)
    for a, b in zip(
        ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True
    ):
        np.testing.assert_array_equal(a, b)
    assert "Model is left to scikit-learn's own code" in caplog.text


def test_the_reason_names_the_method(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "gpubackprop"):
        _twins("regression", "adam", _clipped_gradient)
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
        _assert_same(*_twins("multiclass", "adam", harmless))
    assert "scikit-learn's own code" not in caplog.text


# who looks sees the weights of the epoch


def _records_curve(base: Any) -> Any:
    class Curve(list[Any]):
        def __init__(self, model: Any) -> None:
            self.model, self.seen = model, list[Any]()

        def append(self, loss: Any) -> None:
            super().append(loss)
            self.seen.append(self.model.coefs_[0].copy())

    class Model(base):  # type: ignore[misc]
        def _initialize(self, *arguments: Any) -> None:
            super()._initialize(*arguments)
            self.loss_curve_ = Curve(self)

        @property
        def seen(self) -> list[Any]:
            return list(self.loss_curve_.seen)

    return Model


def _records_property(name: str) -> Callable[[Any], Any]:
    def subclass(base: Any) -> Any:
        def read(self: Any) -> Any:
            return vars(self)[name]

        def write(self: Any, value: Any) -> None:
            vars(self)[name] = value
            if hasattr(self, "coefs_"):
                vars(self).setdefault("seen", []).append(self.coefs_[0].copy())

        return type("Model", (base,), {name: property(read, write)})

    return subclass


def _records_attributes(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)
            if name == "n_iter_" and hasattr(self, "coefs_"):
                vars(self).setdefault("seen", []).append(self.coefs_[0].copy())

    return Model


def _records_epochs(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def _update_no_improvement_count(self, *arguments: Any) -> None:
            super()._update_no_improvement_count(*arguments)
            vars(self).setdefault("seen", []).append(self.coefs_[0].copy())

    return Model


LOOKERS = {
    "loss_curve_": _records_curve,
    "n_iter_": _records_property("n_iter_"),
    "loss_": _records_property("loss_"),
    "_no_improvement_count": _records_property("_no_improvement_count"),
    "t_": _records_property("t_"),
    "__setattr__": _records_attributes,
    "_update_no_improvement_count": _records_epochs,
}


@each_with_ways("name", dict.fromkeys(LOOKERS, "adam early_stopping partial_fit"))
def test_who_looks_sees_the_weights_of_the_epoch(name: str, way: str) -> None:
    ours, theirs = _twins("multiclass", way, LOOKERS[name])
    assert len(ours.seen) == len(theirs.seen) >= 3
    for mine, expected in zip(ours.seen, theirs.seen, strict=True):
        np.testing.assert_allclose(mine, expected, rtol=0, atol=1e-8)


def test_who_reads_what_is_printed_sees_the_weights_of_the_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen, seen = TASKS["regression"], []
    for package in (OURS, THEIRS):
        model = package.MLPRegressor(**BASE, verbose=True)

        def write(text: str, model: Any = model) -> int:
            if text.startswith("Iteration"):
                seen.append(model.coefs_[0].copy())
            return len(text)

        with monkeypatch.context() as patch:
            patch.setattr("sys.stdout", mock.Mock(write=write))
            _fit(model, chosen.X, chosen.y)
    for mine, expected in zip(seen[:4], seen[4:], strict=True):
        np.testing.assert_allclose(mine, expected, rtol=0, atol=1e-8)


# patches of the module and of the classes


def _leaky(X: Any) -> None:
    np.maximum(X, 0.1 * X, out=X)


def _leaky_derivative(Z: Any, delta: Any) -> None:
    delta[Z <= 0] *= 0.1


def _doubled(function: Any) -> Any:
    def doubled(*arguments: Any, **named: Any) -> Any:
        return 2 * function(*arguments, **named)

    return doubled


def _patch_activation(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(mlp.ACTIVATIONS, "relu", _leaky)


def _patch_derivative(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(mlp.DERIVATIVES, "relu", _leaky_derivative)


def _patch_output(patch: pytest.MonkeyPatch) -> None:
    for name in ("identity", "softmax"):
        patch.setitem(mlp.ACTIVATIONS, name, lambda X: np.clip(X, -0.2, 0.2, out=X))


def _patch_whole_table(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(mlp, "ACTIVATIONS", {**mlp.ACTIVATIONS, "relu": _leaky})


def _patch_loss(patch: pytest.MonkeyPatch) -> None:
    for name in ("squared_error", "log_loss"):
        patch.setitem(mlp.LOSS_FUNCTIONS, name, _doubled(mlp.LOSS_FUNCTIONS[name]))


def _patch_optimizers(patch: pytest.MonkeyPatch) -> None:
    for name in ("AdamOptimizer", "SGDOptimizer"):

        class Slow(getattr(mlp, name)):  # type: ignore[misc]
            def update_params(self, params: Any, grads: Any) -> None:
                super().update_params(params, [g / 2 for g in grads])

        patch.setattr(mlp, name, Slow)


def _patch_updates(patch: pytest.MonkeyPatch) -> None:
    for optimizer in (mlp.AdamOptimizer, mlp.SGDOptimizer):
        own = optimizer._get_updates
        patch.setattr(optimizer, "_get_updates", lambda s, g, own=own: [u / 2 for u in own(s, g)])


def _patch_products(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(mlp, "safe_sparse_dot", _doubled(mlp.safe_sparse_dot))


def _patch_batches(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(mlp, "gen_batches", lambda n, size: (slice(i, i + 7) for i in range(0, 21, 7)))


def _patch_shuffle(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(mlp, "shuffle", lambda order, random_state: order[::-1])


def _patch_split(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(mlp, "train_test_split", lambda X, y, **_: (X[:40], X[40:], y[:40], y[40:]))


def _patch_metrics(patch: pytest.MonkeyPatch) -> None:
    for name in ("accuracy_score", "r2_score"):
        patch.setattr(mlp, name, lambda y, y_hat, sample_weight=None: -float(len(y)))


def _patch_base(name: str) -> Callable[[pytest.MonkeyPatch], None]:
    def patch_it(patch: pytest.MonkeyPatch) -> None:
        own = getattr(mlp.BaseMultilayerPerceptron, name)

        def logged(self: Any, *arguments: Any, **named: Any) -> Any:
            if name in ("_compute_loss_grad", "_update_no_improvement_count"):
                self.coefs_[0] *= 0.99
            return own(self, *arguments, **named)

        patch.setattr(mlp.BaseMultilayerPerceptron, name, logged)

    return patch_it


PATCHES = {
    "activation": _patch_activation,
    "derivative": _patch_derivative,
    "output": _patch_output,
    "table": _patch_whole_table,
    "loss": _patch_loss,
    "optimizers": _patch_optimizers,
    "updates": _patch_updates,
    "products": _patch_products,
    "batches": _patch_batches,
    "shuffle": _patch_shuffle,
    "split": _patch_split,
    "metrics": _patch_metrics,
    "_compute_loss_grad": _patch_base("_compute_loss_grad"),
    "_update_no_improvement_count": _patch_base("_update_no_improvement_count"),
}
PATCHED_WAYS = {
    "activation": "adam lbfgs partial_fit",
    "derivative": "sgd lbfgs warm_start",
    "output": "adam lbfgs early_stopping",
    "table": "sgd lbfgs",
    "loss": "adam lbfgs",
    "optimizers": "adam sgd warm_start",
    "updates": "adam sgd partial_fit",
    "products": "adam lbfgs",
    "batches": "adam lbfgs partial_fit",
    "shuffle": "adam sgd lbfgs",
    "split": "adam early_stopping",
    "metrics": "sgd early_stopping partial_fit",
    "_compute_loss_grad": "early_stopping lbfgs",
    "_update_no_improvement_count": "adam early_stopping lbfgs",
}


@each_with_ways("name", PATCHED_WAYS)
def test_a_patch_is_honoured(name: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    PATCHES[name](monkeypatch)
    ours, theirs = _twins(TASK[way], way)
    _assert_same(ours, theirs)
    monkeypatch.undo()
    _assert_same(ours, theirs)  # predictions without the patch


@pytest.mark.parametrize("look", ["predict", "predict_proba", "score"])
@pytest.mark.parametrize("name", ["activation", "output", "products"])
def test_a_patch_after_training_is_honoured(
    name: str, look: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = _twins("multiclass", "adam")
    PATCHES[name](monkeypatch)
    y = np.resize(TASKS["multiclass"].y, len(MANY))
    arguments = (MANY, y) if look == "score" else (MANY,)
    mine, expected = (getattr(model, look)(*arguments) for model in (ours, theirs))
    np.testing.assert_allclose(mine, expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", ["_backprop", "_fit_stochastic", "_forward_pass_fast"])
def test_a_replaced_method_of_the_base_is_called(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    own = getattr(mlp.BaseMultilayerPerceptron, name)

    def counted(self: Any, *arguments: Any, **named: Any) -> Any:
        calls.append(type(self).__module__.partition(".")[0])
        return own(self, *arguments, **named)

    monkeypatch.setattr(mlp.BaseMultilayerPerceptron, name, counted)
    _assert_same(*_twins("regression", "adam"))
    assert calls.count("gpubackprop") * 2 == len(calls) > 0


@pytest.mark.parametrize("way", WAYS)
def test_a_method_mocked_on_our_class_is_called(way: str) -> None:
    own = OURS.MLPRegressor._compute_loss_grad
    with mock.patch.object(OURS.MLPRegressor, "_compute_loss_grad", autospec=True) as mocked:
        mocked.side_effect = own
        _twins("regression", way)
    assert mocked.call_count > 0


def test_a_replaced_optimizer_is_honoured() -> None:
    chosen, models = TASKS["regression"], []

    class Slow(mlp.AdamOptimizer):  # type: ignore[misc]
        def _get_updates(self, grads: Any) -> Any:
            return [0.1 * update for update in super()._get_updates(grads)]

    for package in (OURS, THEIRS):
        model = package.MLPRegressor(**BASE)
        model.partial_fit(chosen.X, chosen.y)
        model._optimizer = Slow(model.coefs_ + model.intercepts_)
        _partial_fit(model, chosen.X, chosen.y)
        models.append(model)
    _assert_same(*models)


def test_an_optimizers_own_method_is_honoured() -> None:
    chosen, models = TASKS["regression"], []
    for package in (OURS, THEIRS):
        model = package.MLPRegressor(**BASE)
        model.partial_fit(chosen.X, chosen.y)
        own = model._optimizer.update_params
        model._optimizer.update_params = lambda p, g, own=own: own(p, [a / 2 for a in g])
        _partial_fit(model, chosen.X, chosen.y)
        models.append(model)
    _assert_same(*models)


@every_way
def test_an_activation_of_a_new_name(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mlp.ACTIVATIONS, "leaky", _leaky)
    monkeypatch.setitem(mlp.DERIVATIVES, "leaky", _leaky_derivative)

    def leaky(base: Any) -> Any:
        class Model(base):  # type: ignore[misc]
            _parameter_constraints: ClassVar[Params] = {
                **base._parameter_constraints,
                "activation": [str],
            }

            def __init__(self, activation: str = "leaky", **params: Any) -> None:
                super().__init__(activation=activation, **params)

        return Model

    _assert_same(*_twins(TASK[way], way, leaky))


@stochastic
def test_a_loss_of_a_new_name(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own = mlp.LOSS_FUNCTIONS["squared_error"]
    monkeypatch.setitem(mlp.LOSS_FUNCTIONS, "half", lambda *a: own(*a) / 2)

    def half(base: Any) -> Any:
        class Model(base):  # type: ignore[misc]
            _parameter_constraints: ClassVar[Params] = {
                **base._parameter_constraints,
                "loss": [str],
            }

            def __init__(self, loss: str = "half", **params: Any) -> None:
                super().__init__(loss=loss, **params)

        return Model

    _assert_same(*_twins("regression", way, half))


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
    _fit(model, task.X, task.y)
    assert {W.dtype.name for W in model.coefs_} == {precision}


# parameters of the subclass's own


def _device(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def __init__(self, device: Any = "tpu", max_iter: int = 4) -> None:
            super().__init__(max_iter=max_iter, random_state=0)
            self.device = device

    return Model


def _callbacks(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def __init__(self, callbacks: Any = (), max_iter: int = 4) -> None:
            super().__init__(max_iter=max_iter, random_state=0)
            self.callbacks = callbacks

    return Model


def _everything(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def __init__(self, backend: Any = 1, precision: Any = (), checkpoint: Any = "x") -> None:
            super().__init__(max_iter=4, random_state=0)
            self.backend, self.precision, self.checkpoint = backend, precision, checkpoint

    return Model


def _methods(base: Any) -> Any:
    class Model(base):  # type: ignore[misc]
        def __init__(self, max_iter: int = 4) -> None:
            super().__init__(max_iter=max_iter, random_state=0)

        @property
        def device(self) -> str:
            return "the second shelf"

        def callbacks(self) -> int:
            return 3

    return Model


def _never(*_: Any) -> None:
    raise AssertionError("this callback is the subclass's own")


OF_THEIR_OWN: list[tuple[Callable[[Any], Any], Params]] = [
    (_device, {}),
    (_device, {"device": 3}),
    (_device, {"device": "cuda"}),
    (_callbacks, {}),
    (_callbacks, {"callbacks": {"on_epoch_end": print}}),
    (_callbacks, {"callbacks": [_never]}),
    (_everything, {}),
    (_methods, {}),
]


@pytest.mark.parametrize(("subclass", "params"), OF_THEIR_OWN)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_parameter_of_the_subclasss_own_meaning(
    subclass: Any, params: Params, solver: str
) -> None:
    task = TASKS["multiclass"]
    ours, theirs = (subclass(package.MLPClassifier)(**params) for package in (OURS, THEIRS))
    for model in (ours, theirs):
        model.solver = solver
        _fit(model, task.X, task.y)
        said(clone(model).fit, task.X, task.y)
    _assert_same(ours, theirs)
    assert {name: getattr(ours, name) for name in params} == params
    if subclass is _methods:
        assert (ours.device, ours.callbacks()) == ("the second shelf", 3)


def test_a_parameter_that_is_passed_on_keeps_our_meaning() -> None:
    class Model(OURS.MLPClassifier):  # type: ignore[misc]
        def __init__(self, device: str = "auto", callbacks: Any = None, extra: int = 0) -> None:
            super().__init__(device=device, callbacks=callbacks, max_iter=2, random_state=0)
            self.extra = extra

    task, seen = TASKS["multiclass"], []
    said(Model(callbacks=[lambda model, record: seen.append(record.epoch)]).fit, task.X, task.y)
    assert seen == [1, 2]
    with pytest.raises(ValueError, match="device"):
        Model(device="tpu").fit(task.X, task.y)


def test_keyword_arguments_passed_on_keep_our_meaning() -> None:
    class Model(OURS.MLPClassifier):  # type: ignore[misc]
        def __init__(self, **params: Any) -> None:
            super().__init__(**params)

        @classmethod
        def _get_param_names(cls) -> list[str]:
            return list(OURS.MLPClassifier._get_param_names())

    with pytest.raises(ValueError, match="device"):
        Model(device="tpu").fit(TASKS["multiclass"].X, TASKS["multiclass"].y)


def test_a_subclass_survives_a_pickle() -> None:
    task = TASKS["regression"]
    model = OURS.MLPRegressor(**BASE)
    _fit(model, task.X, task.y)
    opened = pickle.loads(pickle.dumps(model))
    for each in (model, opened):
        _partial_fit(each, task.X, task.y)
    assert_bitwise_equal(model, opened)


# what is relied on is written down


def test_every_method_of_the_base_is_accounted_for() -> None:
    own = {name for name, value in vars(mlp.BaseMultilayerPerceptron).items() if callable(value)}
    relied = {
        name
        for reliance in (
            contract.TRAINING,
            contract.FULL_BATCH,
            contract.PREDICTION,
        )
        for name in reliance.methods
    }
    named = relied | set(contract.CALLED)
    assert {name for name in own if "__" not in name} - named == set()


@pytest.mark.parametrize(
    ("reliance", "methods"),
    [
        ("TRAINING", ["_fit_stochastic", "_backprop", "_forward_pass", "_compute_loss_grad"]),
        ("FULL_BATCH", ["_backprop", "_forward_pass", "_compute_loss_grad"]),
        ("PREDICTION", ["_forward_pass_fast"]),
    ],
)
def test_every_name_that_replaced_code_looks_up_is_relied_on(
    reliance: str, methods: list[str]
) -> None:
    used = {
        name
        for method in methods
        for name in getattr(mlp.BaseMultilayerPerceptron, method).__code__.co_names
        if name in vars(mlp)
    }
    named = getattr(contract, reliance).names
    tables = {"ACTIVATIONS", "DERIVATIVES", "LOSS_FUNCTIONS"}
    harmless = {"np", "warnings", "ConvergenceWarning", "is_classifier"}
    assert used - tables - harmless == set(named)


def test_sparse_rows_predict_as_before() -> None:
    ours, theirs = _twins("regression", "adam")
    rows = scipy.sparse.csr_array(MANY)
    np.testing.assert_allclose(ours.predict(rows), theirs.predict(rows), rtol=0, atol=1e-8)
