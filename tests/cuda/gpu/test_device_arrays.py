"""On a real GPU: arrays of CuPy as the fake's tests have them, and what the fake cannot show."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_digits

from gpubackprop import MLPClassifier, Network
from tests.cuda.device_arrays import *  # noqa: F403

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations"),
]

X, LABELS = load_digits(return_X_y=True)
X = X / 16
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


def test_other_libraries_arrays(cupy):
    torch = pytest.importorskip("torch")
    ours = MLPClassifier(**SETTINGS).fit(
        torch.asarray(X, device="cuda"), torch.asarray(LABELS, device="cuda")
    )
    expected = MLPClassifier(device="cpu", **SETTINGS).fit(X, LABELS)
    np.testing.assert_allclose(ours.coefs_[0], expected.coefs_[0], rtol=0, atol=1e-9)


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
