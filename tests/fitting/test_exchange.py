"""Models go to scikit-learn's own classes and come back with all that they have learned."""

import pickle
import pickletools
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone

from .agreement import (
    OURS,
    OWN_PARAMETERS,
    TASKS,
    THEIRS,
    Params,
    assert_bitwise_equal,
    said,
)

BASE: Params = {"hidden_layer_sizes": (6,), "batch_size": 16, "random_state": 0, "max_iter": 3}
every_solver = pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])


def _fitted(package: Any, task: str, **params: Any) -> Any:
    chosen = TASKS[task]
    model = getattr(package, chosen.estimator)(**{**BASE, **chosen.params, **params})
    said(model.fit, chosen.X, chosen.y)
    return model


@pytest.mark.parametrize("task", TASKS)
@every_solver
def test_a_model_of_scikit_learns_predicts_the_same(solver: str, task: str) -> None:
    model = _fitted(OURS, task, solver=solver, device="cpu", checkpoint=1)
    plain = model.to_sklearn()
    assert type(plain) is getattr(THEIRS, TASKS[task].estimator)
    assert set(vars(plain)) == set(vars(model)) - {*OWN_PARAMETERS, "history_"}
    np.testing.assert_array_equal(plain.predict(TASKS[task].X), model.predict(TASKS[task].X))


@every_solver
def test_its_pickle_needs_no_gpubackprop(solver: str) -> None:
    plain = _fitted(OURS, "multiclass", solver=solver, callbacks=[]).to_sklearn()
    content = pickle.dumps(plain, protocol=2)
    globals_of_it = [str(arg) for op, arg, _ in pickletools.genops(content) if op.name == "GLOBAL"]
    assert globals_of_it
    assert not [name for name in globals_of_it if "gpubackprop" in name]


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_training_goes_on_in_either_class(solver: str, early_stopping: bool) -> None:
    task = TASKS["regression"]
    model = _fitted(OURS, "regression", solver=solver, early_stopping=early_stopping)
    back = OURS.MLPRegressor.from_sklearn(model.to_sklearn(), device="cpu")
    assert back.device == "cpu"
    for each in (model, back):
        each.set_params(warm_start=True)
        said(each.fit, task.X, task.y)
    assert_bitwise_equal(back, model)
    assert back.n_iter_ == model.n_iter_


def test_a_model_of_scikit_learns_becomes_ours() -> None:
    task, theirs = TASKS["strings"], _fitted(THEIRS, "strings")
    ours = OURS.MLPClassifier.from_sklearn(theirs, precision="float32")
    assert (type(ours), ours.precision) == (OURS.MLPClassifier, "float32")
    np.testing.assert_array_equal(ours.predict(task.X), theirs.predict(task.X))
    assert ours.loss_curve_ == theirs.loss_curve_


def test_the_copies_are_independent() -> None:
    task, model = TASKS["regression"], _fitted(OURS, "regression")
    before = [W.copy() for W in model.coefs_]
    plain = model.to_sklearn()
    said(plain.partial_fit, task.X, -task.y)
    for W, kept in zip(model.coefs_, before, strict=True):
        np.testing.assert_array_equal(W, kept)
    assert len(plain.loss_curve_) == len(model.loss_curve_) + 1


def test_an_unfitted_model() -> None:
    plain = OURS.MLPRegressor(alpha=0.5, solver="sgd", backend="reference").to_sklearn()
    assert repr(plain) == "MLPRegressor(alpha=0.5, solver='sgd')"
    assert repr(clone(plain)) == repr(plain)
    assert not hasattr(plain, "coefs_")


class Doubled(OURS.MLPRegressor):  # type: ignore[misc]
    """With a parameter of its own."""

    def __init__(self, factor: float = 2.0, alpha: float = 0.1) -> None:
        super().__init__(alpha=alpha, max_iter=2, random_state=0)
        self.factor = factor


def test_a_subclass_leaves_its_own_parameters_behind() -> None:
    task, model = TASKS["regression"], Doubled(3.0)
    said(model.fit, task.X, task.y)
    plain = model.to_sklearn()
    assert type(plain) is THEIRS.MLPRegressor
    assert (plain.alpha, plain.max_iter) == (0.1, 2)
    assert not hasattr(plain, "factor")
    np.testing.assert_array_equal(plain.coefs_[0], model.coefs_[0])


@pytest.mark.parametrize("other", [THEIRS.MLPClassifier(), OURS.MLPRegressor(), 3])
def test_another_kind_of_model_is_refused(other: Any) -> None:
    with pytest.raises(TypeError, match=r"must be a sklearn.neural_network.MLPRegressor, got "):
        OURS.MLPRegressor.from_sklearn(other)


def test_a_parameter_that_is_not_ours_is_refused() -> None:
    with pytest.raises(TypeError, match="alpha"):
        OURS.MLPRegressor.from_sklearn(THEIRS.MLPRegressor(), alpha=3)


def test_sparse_rows_train_on() -> None:
    task, model = TASKS["regression"], _fitted(OURS, "regression")
    plain, X = model.to_sklearn(), scipy.sparse.csr_array(TASKS["regression"].X)
    for each in (plain, model):
        said(each.partial_fit, X, task.y)
    np.testing.assert_array_equal(plain.coefs_[0], model.coefs_[0])


@pytest.mark.parametrize(
    "option",
    [
        *({"activation": "gelu"}, {"activation": ["relu"]}, {"out_activation": "softplus"}),
        {"loss": "quantile", "quantile": (0.1, 0.9), "sort_quantiles": True},
    ],
)
def test_what_scikit_learns_class_cannot_predict_is_refused(option: Params) -> None:
    *_, name = option
    with pytest.raises(ValueError, match=rf"{name}=.* is more than scikit-learn's class"):
        _fitted(OURS, "regression", **option).to_sklearn()


@pytest.mark.parametrize(
    ("task", "option", "said"),
    [
        ("binary", {"loss": "focal", "shuffle": "blocks"}, "no shuffle='blocks', loss='focal': "),
        ("regression", {"loss": "quantile", "quantile": np.array([0.1, 0.9])}, "quantile=array"),
    ],
)
def test_a_loss_that_scikit_learn_lacks_is_told_of(task: str, option: Params, said: str) -> None:
    model = _fitted(OURS, task, **option)
    with pytest.warns(UserWarning, match=said):
        plain = model.to_sklearn()
    assert plain.shuffle is True
    np.testing.assert_array_equal(plain.predict(TASKS[task].X), model.predict(TASKS[task].X))
