"""What programs do with scikit-learn's classes works as before, and trains faster."""

import copy
import importlib
import inspect
import io
import multiprocessing
import pickle
import pickletools
import pydoc
import warnings
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pytest
import sklearn.neural_network
from fitting.agreement import (
    TASKS,
    TOLERANCES,
    Params,
    assert_bitwise_equal,
    assert_same_model,
    said,
)
from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.neural_network import _multilayer_perceptron as mlp
from sklearn.utils import all_estimators
from sklearn.utils.estimator_checks import check_estimator_cloneable

import gpubackprop
from gpubackprop.accelerator import patching
from gpubackprop.fitting.engines import kept

from .fresh import GENEROUS

BASE: Params = {"hidden_layer_sizes": (6,), "batch_size": 16, "random_state": 0, "max_iter": 3}
X, y = TASKS["multiclass"].X, TASKS["multiclass"].y
OLD = MLPClassifier(**BASE)
OLD_PICKLE = pickle.dumps(OLD)
METHODS = ("_fit", "_fit_stochastic", "_fit_lbfgs", "_forward_pass_fast", "_validate_input")

accelerates = pytest.mark.usefixtures("acceleration")


def _fit(model: Any) -> Any:
    said(model.fit, X, y)
    return model


# the same numbers


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"solver": "sgd", "learning_rate": "adaptive"},
        {"solver": "lbfgs"},
        {"early_stopping": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", TASKS)
def test_models_are_scikit_learns_to_rounding(
    name: str, params: Params, trained: list[Any]
) -> None:
    task = TASKS[name]
    models = []
    for _ in range(2):
        model = getattr(sklearn.neural_network, task.estimator)(**BASE, **task.params, **params)
        models.append((model, said(model.fit, task.X, task.y)))
        gpubackprop.accelerate()
    (theirs, expected), (ours, heard) = models
    try:
        assert trained == [ours]
        assert heard == expected
        assert vars(ours).keys() == vars(theirs).keys()
        assert_same_model(ours, theirs, task.X, task.y, TOLERANCES["float64"])
    finally:
        gpubackprop.stop_accelerating()


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_partial_fit_goes_on_where_scikit_learn_stopped(solver: str, trained: list[Any]) -> None:
    models = [MLPClassifier(**BASE, solver=solver) for _ in range(2)]
    for step in range(6):
        rows = slice(20 * (step % 3), 20 * (step % 3) + 20)
        models[0].partial_fit(X[rows], y[rows], classes=np.unique(y))
        with gpubackprop.accelerated() if step % 3 else mock.MagicMock():
            models[1].partial_fit(X[rows], y[rows], classes=np.unique(y))
    assert trained == [models[1]] * 4
    assert_same_model(models[1], models[0], X, y, TOLERANCES["float64"])


@accelerates
def test_ours_is_computed_as_without(trained: list[Any]) -> None:
    for solver in ("adam", "lbfgs"):
        model = gpubackprop.MLPClassifier(**BASE, solver=solver)
        _fit(model)
        assert trained.count(model) == 1
        gpubackprop.stop_accelerating()
        again = _fit(gpubackprop.MLPClassifier(**BASE, solver=solver))
        np.testing.assert_array_equal(model.coefs_[0], again.coefs_[0])
        gpubackprop.accelerate()
    gpubackprop.stop_accelerating()


# names and instances from before, by any way


def _subclass() -> Any:
    class Model(MLPClassifier):  # type: ignore[misc]
        def __init__(self, k: int = 1) -> None:
            self.k = k
            super().__init__(max_iter=2)

    return Model()


def _with_a_device() -> Any:
    class Model(MLPClassifier):  # type: ignore[misc]
        def __init__(self, device: str = "gpu") -> None:
            super().__init__(max_iter=2)
            self.device = device

    return Model()


def _with_callbacks() -> Any:
    class Model(MLPClassifier):  # type: ignore[misc]
        def __init__(self, callbacks: Any = ()) -> None:
            super().__init__(max_iter=2)
            self.callbacks = callbacks

    return Model()


def _of_the_base() -> Any:
    class Model(MLPRegressor):  # type: ignore[misc]
        pass

    assert issubclass(Model, mlp.BaseMultilayerPerceptron)
    return Model(**BASE)


def _by_path(path: str) -> Any:
    package, _, name = path.rpartition(".")
    return getattr(importlib.import_module(package), name)(**BASE)


WAYS: dict[str, Callable[[], Any]] = {
    "a name imported before": lambda: MLPClassifier(**BASE),
    "an instance made before": lambda: OLD,
    "a clone of it": lambda: clone(OLD),
    "a copy of it": lambda: copy.deepcopy(OLD),
    "a pickle of it": lambda: pickle.loads(OLD_PICKLE),
    "an attribute": lambda: sklearn.neural_network.MLPClassifier(**BASE),
    "the private module": lambda: _by_path(f"{mlp.__name__}.MLPClassifier"),
    "a path in a string": lambda: pydoc.locate("sklearn.neural_network.MLPClassifier")(**BASE),  # type: ignore[operator]
    "all_estimators": lambda: dict(all_estimators())["MLPClassifier"](**BASE),
    "a subclass": _subclass,
    "a subclass with a device": _with_a_device,
    "a subclass with callbacks": _with_callbacks,
    "a subclass of the base": _of_the_base,
}


@accelerates
@pytest.mark.parametrize("way", WAYS)
def test_a_model_trains_faster_whence_ever_it_comes(way: str, trained: list[Any]) -> None:
    model = WAYS[way]()
    assert trained == []
    _fit(model)
    assert trained == [model]
    assert isinstance(model, (MLPClassifier, MLPRegressor))


# what a program sees of a class


@accelerates
def test_classes_are_scikit_learns_own() -> None:
    model = MLPClassifier()
    assert type(model) is mlp.MLPClassifier is sklearn.neural_network.MLPClassifier
    assert str(type(model)) == f"<class '{mlp.__name__}.MLPClassifier'>"
    assert repr(model) == "MLPClassifier()"
    found = [cls for name, cls in all_estimators() if name.startswith("MLP")]
    assert {cls.__module__ for cls in found} == {mlp.__name__}


@accelerates
@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_parameters_are_scikit_learns(cls: Any) -> None:
    accelerated = cls().get_params()
    gpubackprop.stop_accelerating()
    assert accelerated == cls().get_params()
    assert accelerated.keys() == inspect.signature(cls).parameters.keys()


@accelerates
@pytest.mark.parametrize("name", METHODS)
def test_source_and_signature_are_scikit_learns(name: str) -> None:
    found = getattr(MLPClassifier, name)
    (own,) = (was for was, now in patching._replaced.values() if now is found)
    assert found is not own
    assert inspect.getsource(found) == inspect.getsource(own)
    assert inspect.signature(found) == inspect.signature(own)
    assert found.__qualname__ == own.__qualname__


@accelerates
def test_scikit_learns_checks_of_a_class() -> None:
    check_estimator_cloneable("MLPClassifier", MLPClassifier())


@accelerates
def test_a_mocked_fit_is_called() -> None:
    with mock.patch("sklearn.neural_network.MLPClassifier.fit", return_value=3):
        assert MLPClassifier().fit(X, y) == 3


@accelerates
def test_a_filter_that_names_scikit_learn_catches_warnings() -> None:
    for params in ({"max_iter": 1}, {"max_iter": 1, "batch_size": 500}):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for category in (ConvergenceWarning, UserWarning):
                warnings.filterwarnings("ignore", category=category, module="sklearn")
            MLPClassifier(**params).fit(X, y)


# subclasses that compute otherwise


@accelerates
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize(
    "name", ["_backprop", "_forward_pass", "_compute_loss_grad", "_loss_grad_lbfgs", "_unpack"]
)
def test_a_method_of_its_own_is_called(name: str, solver: str, trained: list[Any]) -> None:
    calls: list[str] = []

    def counted(self: Any, *arguments: Any) -> Any:
        calls.append(name)
        return getattr(super(Model, self), name)(*arguments)

    Model = type("Model", (MLPClassifier,), {name: counted})
    model = Model(**BASE, solver=solver)
    _fit(model)
    used = name not in ("_loss_grad_lbfgs", "_unpack") or solver == "lbfgs"
    assert (len(calls) > 0, trained == [model]) == (used, not used)
    gpubackprop.stop_accelerating()
    assert_same = np.testing.assert_array_equal if used else np.testing.assert_allclose
    assert_same(model.coefs_[0], _fit(MLPClassifier(**BASE, solver=solver)).coefs_[0])


@accelerates
def test_what_replaces_our_methods_is_called() -> None:
    with mock.patch.object(mlp.BaseMultilayerPerceptron, "_fit_stochastic") as replaced:
        MLPClassifier(**BASE).fit(X, y)
    assert replaced.call_count == 1


@accelerates
def test_rows_are_predicted_with_a_prediction_of_its_own() -> None:
    class Model(MLPRegressor):  # type: ignore[misc]
        def _forward_pass_fast(self, X: Any, check_input: bool = True) -> Any:
            return super()._forward_pass_fast(X, check_input) + 1

    model = _fit(Model(**BASE))
    many = np.tile(X, (40, 1))
    gpubackprop.stop_accelerating()
    plain = MLPRegressor(**BASE)
    vars(plain).update(vars(model))
    expected = plain.predict(many) + 1
    gpubackprop.accelerate()
    np.testing.assert_allclose(model.predict(many), expected)
    gpubackprop.stop_accelerating()


# pickles, exporters


@accelerates
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_holds_nothing_of_ours(protocol: int) -> None:
    model = MLPClassifier(**BASE)
    for _ in range(2):
        model.partial_fit(X, y, classes=np.unique(y))
    assert kept.engines
    content = pickle.dumps(model, protocol)
    words = [str(arg) for _, arg, _ in pickletools.genops(content) if isinstance(arg, str)]
    assert any("MLPClassifier" in word for word in words)
    assert not any("gpubackprop" in word for word in words)
    gpubackprop.stop_accelerating()
    opened = pickle.loads(content)
    np.testing.assert_array_equal(opened.predict(X), model.predict(X))
    opened.partial_fit(X, y)


@accelerates
def test_skops_trusts_the_same_types() -> None:
    skops = pytest.importorskip("skops.io")
    accelerated = skops.get_untrusted_types(data=skops.dumps(_fit(MLPClassifier(**BASE))))
    gpubackprop.stop_accelerating()
    plain = skops.get_untrusted_types(data=skops.dumps(_fit(MLPClassifier(**BASE))))
    assert accelerated == plain


@accelerates
def test_onnx_knows_the_class() -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    model = _fit(MLPClassifier(**BASE))
    assert skl2onnx.to_onnx(model, X[:1].astype("float32")).SerializeToString()


@accelerates
def test_hummingbird_knows_the_class() -> None:
    hummingbird = pytest.importorskip("hummingbird.ml")
    assert hummingbird.convert(_fit(MLPClassifier(**BASE)), "torch").predict(X).shape == y.shape


@accelerates
def test_imbalanced_learn_is_imported() -> None:
    pytest.importorskip("imblearn.ensemble")


def test_the_exact_class_is_found_in_an_exporters_table() -> None:
    """As hummingbird and skl2onnx do: a subclass of it would not be found."""
    table = {MLPClassifier: "converter"}
    with gpubackprop.accelerated():
        assert table[type(sklearn.neural_network.MLPClassifier())] == "converter"
        assert isinstance(pickle.Unpickler(io.BytesIO(OLD_PICKLE)).load(), MLPClassifier)


# other processes


def _trained_by_the_engine(model: Any) -> tuple[str, bool]:
    _fit(model)
    return type(model).__module__, patching.is_installed()


@accelerates
def test_workers_of_loky_accelerate() -> None:
    get_reusable_executor().shutdown(wait=True)  # workers of an earlier test know nothing of it
    found = Parallel(n_jobs=2, backend="loky", timeout=GENEROUS)(
        delayed(_trained_by_the_engine)(MLPClassifier(**BASE)) for _ in range(2)
    )
    assert found == [(mlp.__name__, True)] * 2


@accelerates
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "forkserver"])
def test_processes_of_multiprocessing_accelerate(method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {method}")
    with multiprocessing.get_context(method).Pool(1) as pool:
        found = pool.apply_async(_trained_by_the_engine, (MLPClassifier(**BASE),)).get(GENEROUS)
    assert found == (mlp.__name__, True)


def test_processes_do_not_accelerate_by_themselves() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply_async(_trained_by_the_engine, (MLPClassifier(**BASE),)).get(GENEROUS)
    assert found == (mlp.__name__, False)


@accelerates
def test_the_same_bits_in_threads() -> None:
    models = [MLPClassifier(**{**BASE, "random_state": seed}) for seed in range(8)]
    serial = [_fit(clone(model)) for model in models]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        side_by_side = Parallel(n_jobs=4, backend="threading", timeout=GENEROUS)(
            delayed(model.fit)(X, y) for model in models
        )
    for mine, other in zip(side_by_side, serial, strict=True):
        assert_bitwise_equal(mine, other)
