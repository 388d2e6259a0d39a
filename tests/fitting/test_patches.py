"""Patches of scikit-learn's module and classes are honoured as by its own code."""

from collections.abc import Callable
from typing import Any, ClassVar
from unittest import mock

import numpy as np
import pytest
from sklearn.neural_network import _multilayer_perceptron as mlp

from .agreement import ENDS_BY_ITSELF, OURS, TASKS, THEIRS, Params, said
from .ways import (
    BASE,
    MANY,
    TASK,
    WAYS,
    assert_same,
    each_with_ways,
    every_way,
    partial_fit,
    trained_twins,
)


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
    ours, theirs = trained_twins(TASK[way], way)
    assert_same(ours, theirs)
    monkeypatch.undo()
    assert_same(ours, theirs)  # predictions without the patch


@pytest.mark.parametrize("look", ["predict", "predict_proba", "score"])
@pytest.mark.parametrize("name", ["activation", "output", "products"])
def test_a_patch_after_training_is_honoured(
    name: str, look: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = trained_twins("multiclass", "adam")
    PATCHES[name](monkeypatch)
    y = np.resize(TASKS["multiclass"].y, len(MANY))
    arguments = (MANY, y) if look == "score" else (MANY,)
    mine, expected = (getattr(model, look)(*arguments) for model in (ours, theirs))
    np.testing.assert_allclose(mine, expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", ["_fit", "_backprop", "_fit_stochastic", "_forward_pass_fast"])
def test_a_replaced_method_of_the_base_is_called(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    own = getattr(mlp.BaseMultilayerPerceptron, name)

    def counted(self: Any, *arguments: Any, **named: Any) -> Any:
        calls.append(type(self).__module__.partition(".")[0])
        return own(self, *arguments, **named)

    monkeypatch.setattr(mlp.BaseMultilayerPerceptron, name, counted)
    assert_same(*trained_twins("regression", "adam"))
    assert calls.count("gpubackprop") * 2 == len(calls) > 0


@pytest.mark.parametrize("name", ["check_random_state", "_check_sample_weight"])
def test_a_replaced_check_is_called(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, own = [], getattr(mlp, name)
    monkeypatch.setattr(mlp, name, lambda *given: calls.append(name) or own(*given))
    model = OURS.MLPRegressor(max_iter=5, **ENDS_BY_ITSELF)
    said(model.fit, MANY, MANY[:, 0], np.ones(len(MANY)))
    assert calls
    with pytest.raises(ValueError, match=f"'lion': {name} of .* was replaced"):
        OURS.MLPRegressor(solver="lion").fit(MANY, MANY[:, 0])


@pytest.mark.parametrize("way", WAYS)
def test_a_method_mocked_on_our_class_is_called(way: str) -> None:
    own = OURS.MLPRegressor._compute_loss_grad
    with mock.patch.object(OURS.MLPRegressor, "_compute_loss_grad", autospec=True) as mocked:
        mocked.side_effect = own
        trained_twins("regression", way)
    assert mocked.call_count > 0


class _Slow(mlp.AdamOptimizer):  # type: ignore[misc]
    def _get_updates(self, grads: Any) -> Any:
        return [0.1 * update for update in super()._get_updates(grads)]


def _replace_optimizer(model: Any) -> None:
    model._optimizer = _Slow(model.coefs_ + model.intercepts_)


def _replace_method(model: Any) -> None:
    own = model._optimizer.update_params
    model._optimizer.update_params = lambda p, g: own(p, [a / 2 for a in g])


@pytest.mark.parametrize("replace", [_replace_optimizer, _replace_method])
def test_a_replaced_optimizer_is_honoured(replace: Callable[[Any], None]) -> None:
    chosen, models = TASKS["regression"], []
    for package in (OURS, THEIRS):
        model = package.MLPRegressor(**BASE)
        model.partial_fit(chosen.X, chosen.y)
        replace(model)
        partial_fit(model, chosen.X, chosen.y)
        models.append(model)
    assert_same(*models)


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

    assert_same(*trained_twins(TASK[way], way, leaky))


@pytest.mark.parametrize("way", [way for way in WAYS if way != "lbfgs"])
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

    assert_same(*trained_twins("regression", way, half))
