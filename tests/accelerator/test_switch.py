"""Acceleration comes and goes, and leaves scikit-learn as it was."""

import logging
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import sklearn
from fitting.agreement import TASKS, TOLERANCES, Params, assert_same_parameters, said
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.neural_network import _multilayer_perceptron as mlp

import gpubackprop
from gpubackprop.accelerator import notebook, patching
from gpubackprop.fitting import conversion
from gpubackprop.fitting.options import process_choice, values
from gpubackprop.fitting.scikit_learn import contract

from .fresh import GENEROUS

BASE: Params = {"hidden_layer_sizes": (6,), "batch_size": 16, "random_state": 0, "max_iter": 3}
METHODS = ("_fit", "_fit_stochastic", "_fit_lbfgs", "_backprop", "_forward_pass_fast")
X, y = TASKS["regression"].X, TASKS["regression"].y


def _functions() -> list[Any]:
    own = [vars(mlp.BaseMultilayerPerceptron)[name] for name in METHODS]
    return [*own, *(vars(cls)["_validate_input"] for cls in (MLPClassifier, MLPRegressor))]


OWN = _functions()


@pytest.fixture(autouse=True)
def off_afterwards() -> Iterator[None]:
    """Leave nothing on, whatever fails."""
    yield
    gpubackprop.stop_accelerating()
    assert _functions() == OWN


def _fit(model: Any) -> Any:
    said(model.fit, X, y)
    return model


# on and off


def test_the_very_functions_come_back() -> None:
    gpubackprop.accelerate()
    assert _functions() != OWN
    gpubackprop.stop_accelerating()
    assert all(map(lambda a, b: a is b, _functions(), OWN))


def test_contexts_nest_and_overlap() -> None:
    first, second = gpubackprop.accelerated(), gpubackprop.accelerated()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert patching.is_installed()
    second.__exit__(None, None, None)
    assert not patching.is_installed()
    gpubackprop.accelerate()
    with gpubackprop.accelerated():
        pass
    assert patching.is_installed()


def test_a_context_ends_after_an_error() -> None:
    with pytest.raises(KeyError), gpubackprop.accelerated(device="cpu"):
        raise KeyError
    assert not patching.is_installed()
    assert process_choice.said() == {}


def test_what_others_put_in_our_place_stays() -> None:
    gpubackprop.accelerate()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mlp.BaseMultilayerPerceptron, "_fit_lbfgs", print)
        gpubackprop.stop_accelerating()
        assert vars(mlp.BaseMultilayerPerceptron)["_fit_lbfgs"] is print
    mlp.BaseMultilayerPerceptron._fit_lbfgs = OWN[METHODS.index("_fit_lbfgs")]


def test_a_notebook_loads_and_unloads_it() -> None:
    assert gpubackprop.load_ipython_extension is notebook.load_ipython_extension
    gpubackprop.load_ipython_extension(None)
    assert patching.is_installed()
    gpubackprop.unload_ipython_extension(None)
    assert not patching.is_installed()


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_it_comes_and_goes_while_models_train(solver: str) -> None:
    models = [MLPRegressor(**{**BASE, "random_state": seed, "solver": solver}) for seed in range(4)]
    expected = [_fit(model).coefs_[0] for model in models]
    many = np.tile(X, (30, 1))
    done = threading.Event()

    def flip() -> None:
        while not done.is_set():
            with gpubackprop.accelerated():
                done.wait(0.001)

    flipping = threading.Thread(target=flip)
    flipping.start()
    try:
        for _ in range(6):
            for model, W in zip(models, expected, strict=True):
                np.testing.assert_allclose(_fit(model).coefs_[0], W, rtol=1e-6, atol=1e-9)
                assert model.predict(many).shape == (len(many),)
    finally:
        done.set()
        flipping.join(GENEROUS)
    assert not flipping.is_alive()


# an unknown scikit-learn


def test_an_unknown_scikit_learn_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sklearn, "__version__", "2.0.0")
    contract.is_known.cache_clear()
    try:
        with pytest.warns(UserWarning, match=r"left to train and predict by itself: version 2\.0"):
            gpubackprop.accelerate()
        assert _functions() == OWN
        _fit(MLPRegressor(**BASE))
    finally:
        contract.is_known.cache_clear()


# choices


def test_a_call_counts_more_than_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen() -> tuple[str, str, str]:
        found = values.options(MLPRegressor())
        return found.device, found.backend, found.precision

    monkeypatch.setenv("GPUBACKPROP_BACKEND", "reference")
    monkeypatch.setenv("GPUBACKPROP_DEVICE", "cpu")
    assert chosen() == ("cpu", "reference", "auto")
    gpubackprop.accelerate(backend="compiled", precision="float32")
    assert chosen() == ("cpu", "compiled", "float32")
    with gpubackprop.accelerated(precision="float64"):
        assert chosen() == ("cpu", "compiled", "float64")
    assert chosen() == ("cpu", "compiled", "float32")


def test_our_estimators_keep_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPUBACKPROP_BACKEND", "reference")
    assert values.options(gpubackprop.MLPRegressor(device="cpu")).backend == "auto"


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_precision_is_computed_in_and_the_weights_keep_their_type(
    solver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, seen = _fit(MLPRegressor(**BASE, solver=solver)), []
    own = conversion.network

    def network(estimator: Any, dtype: Any, *arguments: Any) -> Any:
        seen.append(dtype)
        return own(estimator, dtype, *arguments)

    for module in ("dense", "full_batch"):
        monkeypatch.setattr(f"gpubackprop.fitting.engines.{module}.network", network)
    with gpubackprop.accelerated(precision="float32"):
        model = _fit(MLPRegressor(**BASE, solver=solver))
    assert set(seen) == {np.dtype("float32")}
    assert_same_parameters(model, plain, TOLERANCES["float32"])  # float64 arrays


@pytest.mark.parametrize(
    ("choice", "match"),
    [
        ({"device": "tpu"}, "device must be .* got 'tpu'"),
        ({"precision": "half"}, "precision must be .* got 'half'"),
        ({"device": "cuda", "backend": "reference"}, "leave backend='auto'"),
    ],
)
def test_a_wrong_choice_is_refused(choice: dict[str, str], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        gpubackprop.accelerate(**choice)
    with pytest.raises(ValueError, match=match), gpubackprop.accelerated(**choice):
        pass
    assert not patching.is_installed()


def test_an_error_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPUBACKPROP_DEVICE", "tpu")
    with gpubackprop.accelerated(), pytest.raises(ValueError, match=r"tpu.*GPUBACKPROP_DEVICE"):
        MLPRegressor(**BASE).fit(X, y)


def test_what_a_gpu_does_not_take_is_scikit_learns(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A wish for the whole process does not break a program."""
    monkeypatch.setenv("GPUBACKPROP_DEVICE", "cuda")
    plain, sparse = MLPRegressor(**BASE), MLPRegressor(**BASE)
    rows = scipy.sparse.csr_array(X)
    said(plain.fit, rows, y)
    with gpubackprop.accelerated(), caplog.at_level(logging.DEBUG, "gpubackprop"):
        said(sparse.fit, rows, y)
    np.testing.assert_array_equal(sparse.coefs_[0], plain.coefs_[0])
    assert "MLPRegressor is left to scikit-learn's own code: sparse X" in caplog.text


def test_the_log_says_why_a_prediction_is_scikit_learns(caplog: pytest.LogCaptureFixture) -> None:
    class Model(MLPRegressor):  # type: ignore[misc]
        def _forward_pass_fast(self, X: Any, check_input: bool = True) -> Any:
            return super()._forward_pass_fast(X, check_input)

    model = Model(**BASE)
    many = np.zeros((100_000, X.shape[1]))
    with gpubackprop.accelerated(), caplog.at_level(logging.INFO, "gpubackprop"):
        said(model.fit, X, y)
        model.predict(many)
    assert "Model is left to scikit-learn's own code: Model has a _forward_pass_fast" in caplog.text


def test_nothing_is_added_to_an_estimator() -> None:
    with gpubackprop.accelerated(device="cpu"):
        model = MLPRegressor(**BASE)
        said(model.partial_fit, X, y)
    plain = MLPRegressor(**BASE)
    said(plain.partial_fit, X, y)
    assert vars(model).keys() == vars(plain).keys()


def test_an_interrupt_is_scikit_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with gpubackprop.accelerated(), warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        monkeypatch.setattr("gpubackprop.fitting.engines.dense.DenseEngine.run", interrupt)
        MLPRegressor(**BASE).fit(X, y)
    assert [str(w.message) for w in heard] == ["Training interrupted by user."]
    assert heard[0].filename == mlp.__file__
