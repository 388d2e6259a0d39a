"""What serves CuPy's arrays and the fake's: the same bodies, on a GPU and in the simulator.

A `test_device_arrays.py` that imports all of this brings the fixture `cupy`.
"""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_iris

from gpubackprop import MLPClassifier, MLPRegressor, Network, check_gradients
from gpubackprop.fitting import prediction

rng = np.random.default_rng(0)
IRIS, SPECIES = load_iris(return_X_y=True)
rows = rng.permutation(150)[:70]
X, LABELS = IRIS[rows], SPECIES[rows]
Y = X @ rng.standard_normal((4, 2))
WEIGHT = rng.uniform(0.5, 2, 70)
MANY = rng.standard_normal((prediction.BLOCK_ROWS + 9, 4))

SMALL = {"hidden_layer_sizes": (5,), "batch_size": 32, "max_iter": 2, "random_state": 0}


def assert_same_training(ours, expected, rtol=1e-9):
    np.testing.assert_allclose(ours.loss_curve_, expected.loss_curve_, rtol=rtol)
    for a, b in zip(
        ours.coefs_ + ours.intercepts_, expected.coefs_ + expected.intercepts_, strict=True
    ):
        assert type(a) is np.ndarray
        np.testing.assert_allclose(a, b, rtol=0, atol=rtol)


def spoilt(value):
    """X with a value that no training takes."""
    changed = X.copy()
    changed[3, 1] = value
    return changed


LAYOUTS = {
    "F": lambda cupy, array: cupy.asfortranarray(array),
    "reversed": lambda cupy, array: array[::-1].copy()[::-1],
    "strided": lambda cupy, array: cupy.repeat(cupy.repeat(array, 2, axis=0), 2, axis=1)[::2, ::2],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout(cupy, layout):
    array = LAYOUTS[layout](cupy, cupy.asarray(X))
    ours = MLPRegressor(**SMALL).fit(array, cupy.asarray(Y))
    expected = MLPRegressor(device="cpu", **SMALL).fit(X, Y)
    assert_same_training(ours, expected)
    np.testing.assert_allclose(ours.predict(array).get(), expected.predict(X), rtol=1e-9)


def test_partial_fit_of_a_regressor_goes_from_device_to_host(cupy):
    ours, expected = MLPRegressor(**SMALL), MLPRegressor(device="cpu", **SMALL)
    there = cupy.asarray(X), cupy.asarray(Y), cupy.asarray(WEIGHT)
    for arrays in (there, (X, Y, WEIGHT), there):
        ours.partial_fit(*arrays)
        expected.partial_fit(X, Y, WEIGHT)
    assert_same_training(ours, expected)


@pytest.mark.parametrize("flaw", [np.nan, np.inf])
def test_flaws_are_found_there(cupy, flaw):
    with pytest.raises(ValueError, match="Input X contains"):
        MLPClassifier(**SMALL).fit(cupy.asarray(spoilt(flaw)), cupy.asarray(LABELS))


def test_examples_of_the_host_are_predicted_on_the_gpu_asked_for(cupy):
    model = MLPClassifier(**SMALL).fit(X, LABELS)
    expected = model.predict_proba(MANY)
    found = model.set_params(device="cuda").predict_proba(MANY)
    assert type(found) is np.ndarray
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.fixture
def net(dtype, cupy):
    return Network((4, 5, 3), "tanh", dtype=dtype, device="cuda", random_state=0)


def test_gradients_on_the_device_agree_with_central_differences(cupy, dtype):
    net = Network((2, 3, 2), "tanh", dtype=dtype, device="cuda", random_state=0)
    before = net.theta.get()
    check = check_gradients(net, X[:3, :2].T, np.eye(2, 3))
    np.testing.assert_array_equal(net.theta.get(), before)
    assert check.worst < (1e-6 if net.dtype == np.float64 else 1e-4)


def test_a_network_is_pickled_as_numbers(cupy):
    net = Network((3, 5, 2), device="cuda", precision="tf32", random_state=0)
    again = pickle.loads(pickle.dumps(net))
    assert isinstance(again.theta, cupy.ndarray)
    np.testing.assert_array_equal(again.theta.get(), net.theta.get())
    assert again.astype("float64").theta.dtype == np.float64
