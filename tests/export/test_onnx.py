"""A model that was converted to ONNX predicts in onnxruntime what it predicts here."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gpubackprop import MLPClassifier, MLPRegressor
from gpubackprop.export import to_onnx
from gpubackprop.export.graph import SIGMA
from gpubackprop.fitting.options.formula_names import HIDDEN_NAMES
from gpubackprop.kernels.formulas import Activation

X = np.random.default_rng(0).standard_normal((60, 4))
BASE: dict[str, Any] = {"hidden_layer_sizes": (7, 6), "max_iter": 3, "random_state": 0}
LABELS = {
    "numbers": np.digitize(X[:, 0], [-0.5, 0.5]) * 10,
    "binary": X[:, 0] > 0,
    "texts": np.array(["no", "yes", "both"])[np.digitize(X[:, 0], [-0.5, 0.5])],
    "several": np.c_[X[:, 0] > 0, X[:, 1] > 0].astype(int),
}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def _run(model: Any, dtype: str) -> list[Any]:
    pytest.importorskip("skl2onnx")
    runtime = pytest.importorskip("onnxruntime")
    graph = to_onnx(model, dtype).SerializeToString()
    session = runtime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    outputs: list[Any] = session.run(None, {"X": X.astype(dtype)})
    return outputs


def _assert_near(found: Any, expected: Any, dtype: str) -> None:
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


def test_every_activation_has_its_operators() -> None:
    assert SIGMA.keys() == set(Activation)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", sorted(HIDDEN_NAMES))
def test_activation_in_a_pipeline(activation: str, dtype: str) -> None:
    regressor = MLPRegressor(activation=activation, **BASE)
    model = make_pipeline(StandardScaler(), regressor).fit(X.astype(dtype), X[:, :2])
    model[-1].coefs_[1] *= 3  # both ends of each formula
    (found,) = _run(model, dtype)
    _assert_near(found, model.predict(X.astype(dtype)), dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("labels", LABELS)
def test_labels_and_probabilities(labels: str, dtype: str) -> None:
    model = MLPClassifier(**BASE).fit(X.astype(dtype), LABELS[labels])
    found, probabilities = _run(model, dtype)
    np.testing.assert_array_equal(found, model.predict(X.astype(dtype)))
    _assert_near(probabilities, model.predict_proba(X.astype(dtype)), dtype)


def test_a_rate_and_one_target() -> None:
    model = MLPRegressor(loss="poisson", **BASE).fit(X, np.exp(X[:, 0]))
    (found,) = _run(model, "float64")
    _assert_near(found.ravel(), model.predict(X), "float64")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_quantiles_are_sorted(dtype: str) -> None:
    levels = (0.51, 0.49, 0.5)
    model = MLPRegressor(loss="quantile", quantile=levels, sort_quantiles=True, **BASE)
    model.fit(X.astype(dtype), X[:, 0])
    expected = model.predict(X.astype(dtype))
    assert not np.array_equal(model.set_params(sort_quantiles=False).predict(X), expected)
    (found,) = _run(model.set_params(sort_quantiles=True), dtype)
    _assert_near(found, expected, dtype)


def test_a_layer_each_with_its_activation() -> None:
    model = MLPRegressor(**{**BASE, "activation": ("gelu", "tanh")}).fit(X, X[:, 0])
    (found,) = _run(model, "float64")
    _assert_near(found.ravel(), model.predict(X), "float64")


def test_what_cannot_be_converted_is_refused() -> None:
    with pytest.raises(ValueError, match="dtype must be float32 or float64, got 'int8'"):
        to_onnx(MLPRegressor(), "int8")
    with pytest.raises(NotFittedError):
        to_onnx(MLPRegressor())


def test_a_missing_package_is_named() -> None:
    program = (
        "import sys; sys.modules['skl2onnx'] = None\n"
        "from gpubackprop.export import register\n"
        "try: register()\n"
        "except ImportError as error: print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout
    assert "pip install 'gpubackprop[onnx]'" in said
