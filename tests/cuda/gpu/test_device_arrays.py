"""On a real GPU: arrays of CuPy as examples, labels and batches; what the fake CuPy cannot show."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_digits

from gpubackprop import MLPClassifier, MLPRegressor, Network, check_gradients

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations"),
]

X, LABELS = load_digits(return_X_y=True)
X = X / 16
Y = X[:, 20:23] - X[:, 30:33]
SETTINGS = {"hidden_layer_sizes": (33,), "max_iter": 5, "random_state": 0}


@pytest.fixture
def cupy():
    return pytest.importorskip("cupy")


@pytest.fixture(params=["default stream", "own stream"])
def stream(request, cupy):
    """The caller's stream, on which work is still queued."""
    if request.param == "default stream":
        yield cupy.cuda.Stream.null
        return
    with cupy.cuda.Stream(non_blocking=True) as own:
        yield own


def late(cupy, values):
    """An array whose values arrive after a product that takes the GPU a while."""
    room = cupy.full(values.shape, cupy.nan, values.dtype)
    source = cupy.asarray(values)
    busy = cupy.ones((4096, 4096), dtype="float32")
    for _ in range(20):
        busy = busy @ busy * 0
    room[...] = source + busy[0, 0]
    return room


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_classifier_is_fitted_and_predicts_there(cupy, stream, dtype, early_stopping):
    settings = {**SETTINGS, "early_stopping": early_stopping}
    examples = X.astype(dtype)
    ours = MLPClassifier(**settings).fit(late(cupy, examples), cupy.asarray(LABELS))
    expected = MLPClassifier(device="cpu", **settings).fit(examples, LABELS)
    tolerance = 1e-3 if dtype == "float32" else 1e-9
    np.testing.assert_allclose(ours.loss_curve_, expected.loss_curve_, rtol=tolerance)
    there = late(cupy, examples)
    for method in ("predict_proba", "predict_log_proba", "predict"):
        found = getattr(ours, method)(there)
        assert isinstance(found, cupy.ndarray)
    assert float((found == cupy.asarray(LABELS)).mean()) == pytest.approx(ours.score(X, LABELS))
    assert ours.score(there, cupy.asarray(LABELS)) == pytest.approx(ours.score(X, LABELS))
    assert type(pickle.loads(pickle.dumps(ours)).coefs_[0]) is np.ndarray


def test_a_regressor_goes_on_where_it_was(cupy):
    ours, expected = MLPRegressor(**SETTINGS), MLPRegressor(device="cpu", **SETTINGS)
    weight = np.linspace(0.5, 2, len(X))
    for _ in range(3):
        ours.partial_fit(cupy.asarray(X), cupy.asarray(Y), cupy.asarray(weight))
        expected.partial_fit(X, Y, weight)
    np.testing.assert_allclose(ours.coefs_[0], expected.coefs_[0], rtol=0, atol=1e-9)
    found = ours.predict(cupy.asarray(X))
    np.testing.assert_allclose(found.get(), expected.predict(X), rtol=0, atol=1e-9)


@pytest.mark.parametrize("layout", ["F", "reversed", "strided"])
def test_any_layout(cupy, layout):
    array = cupy.asarray(X)
    spread = cupy.zeros((2 * len(X), 128))
    spread[::2, ::2] = array
    layouts = {
        "F": cupy.asfortranarray(array),
        "reversed": array[::-1].copy()[::-1],
        "strided": spread[::2, ::2],
    }
    ours = MLPRegressor(**SETTINGS).fit(layouts[layout], cupy.asarray(Y))
    expected = MLPRegressor(device="cpu", **SETTINGS).fit(X, Y)
    np.testing.assert_allclose(ours.coefs_[0], expected.coefs_[0], rtol=0, atol=1e-9)
    found = ours.predict(layouts[layout])
    np.testing.assert_allclose(found.get(), expected.predict(X), rtol=0, atol=1e-9)


def test_other_libraries_arrays(cupy):
    torch = pytest.importorskip("torch")
    ours = MLPClassifier(**SETTINGS).fit(
        torch.asarray(X, device="cuda"), torch.asarray(LABELS, device="cuda")
    )
    expected = MLPClassifier(device="cpu", **SETTINGS).fit(X, LABELS)
    np.testing.assert_allclose(ours.coefs_[0], expected.coefs_[0], rtol=0, atol=1e-9)


@pytest.mark.parametrize("flaw", [np.nan, np.inf])
def test_flaws_are_found_there(cupy, flaw):
    spoilt = cupy.asarray(X)
    spoilt[7, 7] = flaw
    with pytest.raises(ValueError, match="Input X contains"):
        MLPClassifier(**SETTINGS).fit(spoilt, cupy.asarray(LABELS))


def test_examples_of_the_host_are_predicted_there():
    model = MLPClassifier(**SETTINGS).fit(X, LABELS)
    expected = model.predict_proba(np.tile(X, (10, 1)))
    found = model.set_params(device="cuda").predict_proba(np.tile(X, (10, 1)))
    assert type(found) is np.ndarray
    np.testing.assert_allclose(found, expected, rtol=1e-9)


# networks


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_network_agrees_with_the_cpus(cupy, stream, dtype):
    ours, other = (
        Network((64, 33, 10), "tanh", "softmax", "cross_entropy", dtype, device, random_state=0)
        for device in ("cuda", "cpu")
    )
    A0, targets = np.ascontiguousarray(X.T), np.eye(10)[LABELS].T
    eps = 200 * float(np.finfo(dtype).eps)
    for _ in range(3):
        cache, expected = ours.forward(late(cupy, A0)), other.forward(A0)
        grads = ours.backward(cache, late(cupy, targets))
        theirs = other.backward(expected, targets)
        for a, b in zip(grads.weights, theirs.weights, strict=True):
            assert isinstance(a, cupy.ndarray)
            np.testing.assert_allclose(a.get(), b, rtol=0, atol=eps)
        assert ours.loss(cache, targets) == pytest.approx(other.loss(expected, targets), rel=eps)
        ours.step(grads, 0.1)
        other.step(theirs, 0.1)
    ours.weights[0][0, 0] += 1  # on the caller's stream, and at once in effect
    other.weights[0][0, 0] += 1
    found = ours.forward(A0).A[-1].get()
    np.testing.assert_allclose(found, other.forward(A0).A[-1], rtol=0, atol=eps)


def test_the_derivations_example(cupy):
    net = Network((2, 2, 1), "sigmoid", "sigmoid", dtype="float64", device="cuda")
    net.weights[0][...] = cupy.asarray([[0.5, 1.0], [-1.0, 1.0]])
    net.weights[1][...] = cupy.asarray([[1.0, -1.0]])
    for b in net.biases:
        b[...] = 0
    cache = net.forward([1, 0])
    np.testing.assert_allclose(cache.A[2].get(), [[0.5875]], atol=1e-4)
    assert net.loss(cache, [1]) == pytest.approx(0.085, abs=1e-4)
    found = net.backward(cache, [1]).weights[1].get()
    np.testing.assert_allclose(found, [[-0.0622, -0.0269]], atol=1e-4)


def test_gradients_agree_with_central_differences():
    net = Network((3, 5, 2), "tanh", dtype="float64", device="cuda", random_state=0)
    rng = np.random.default_rng(0)
    assert check_gradients(net, rng.random((3, 4)), rng.random((2, 4))).worst < 1e-6


def test_a_network_is_pickled_as_numbers(cupy):
    net = Network((3, 5, 2), device="cuda", precision="tf32", random_state=0)
    again = pickle.loads(pickle.dumps(net))
    assert isinstance(again.theta, cupy.ndarray)
    np.testing.assert_array_equal(again.theta.get(), net.theta.get())
    assert again.astype("float64").theta.dtype == np.float64
