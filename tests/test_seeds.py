"""The derivation's numbers and rules, through the public API, on every backend and dtype."""

import numpy as np
import pytest

from gpubackprop import Network

PRINTED = 1e-4
"""The derivation prints four decimals."""


@pytest.fixture
def toy(backend, dtype):
    """Two inputs, two sigmoid neurons, one sigmoid output, with clean numbers."""
    net = Network((2, 2, 1), "sigmoid", "sigmoid", "squared_error", dtype=dtype, backend=backend)
    net.weights[0][:] = [[0.5, 1.0], [-1.0, 1.0]]
    net.weights[1][:] = [[1.0, -1.0]]
    for b in net.biases:
        b[:] = 0
    return net


X = np.array([1.0, 0.0])
y = np.array([1.0])


def close(actual, printed):
    np.testing.assert_allclose(actual, printed, rtol=0, atol=PRINTED)


# the worked example


def test_forward_pass(toy):
    cache = toy.forward(X)
    close(cache.Z[0], [[0.5], [-1.0]])
    close(cache.A[1], [[0.6225], [0.2689]])
    close(cache.Z[1], [[0.3536]])
    close(cache.A[2], [[0.5875]])
    close(toy.loss(cache, y), 0.0850)


def test_backward_pass(toy):
    grads = toy.backward(toy.forward(X), y)
    close(grads.deltas[1], [[-0.0999]])
    close(grads.deltas[0], [[-0.0235], [0.0196]])
    close(grads.weights[1], [[-0.0622, -0.0269]])
    close(grads.weights[0], [[-0.0235, 0], [0.0196, 0]])
    close(grads.biases[1], [-0.0999])
    close(grads.biases[0], [-0.0235, 0.0196])


def test_an_input_of_zero_has_no_gradient(toy):
    assert not toy.backward(toy.forward(X), y).weights[0][:, 1].any()


def test_changing_a_single_weight_lowers_the_loss(toy):
    before = toy.loss(toy.forward(X), y)
    gradient = toy.backward(toy.forward(X), y).weights[0][0, 0]
    toy.weights[0][0, 0] -= 1.0 * gradient
    close(toy.weights[0], [[0.5235, 1.0], [-1.0, 1.0]])
    cache = toy.forward(X)
    close(cache.A[1], [[0.6280], [0.2689]])
    close(cache.Z[1], [[0.3591]])
    close(cache.A[2], [[0.5888]])
    close(toy.loss(cache, y), 0.0846)
    assert toy.loss(cache, y) < before


def test_changing_all_weights_lowers_it_further(toy):
    grads = toy.backward(toy.forward(X), y)
    toy.step(grads, 1.0)
    close(toy.weights[1], [[1.0622, -0.9731]])
    close(toy.weights[0], [[0.5235, 1.0], [-0.0196 - 1.0, 1.0]])
    assert toy.loss(toy.forward(X), y) < 0.0846 - PRINTED


# the output error


def random_batch(net, B=5):
    rng = np.random.default_rng(3)
    return rng.standard_normal((net.layer_sizes[0], B)), rng.random((net.layer_sizes[-1], B))


@pytest.mark.parametrize(
    ("output", "loss"),
    [
        ("identity", "squared_error"),
        ("softmax", "cross_entropy"),
        ("sigmoid", "binary_cross_entropy"),
    ],
)
def test_output_error_of_the_standard_pairings(backend, dtype, output, loss):
    net = Network((3, 4, 3), "tanh", output, loss, dtype, backend=backend, random_state=1)
    A0, _ = random_batch(net)
    Y = np.eye(3)[[0, 2, 1, 1, 0]].T
    cache = net.forward(A0)
    delta = net.backward(cache, Y, reduction="sum").deltas[-1]
    np.testing.assert_array_equal(delta, cache.A[-1] - Y.astype(dtype))


SIGMA_PRIME = {
    "identity": np.ones_like,
    "sigmoid": lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2,
    "tanh": lambda z: 1 / np.cosh(z) ** 2,
    "relu": lambda z: np.where(z > 0, 1.0, 0.0),
}
"""sigma'(z), from z and not from sigma(z)."""


@pytest.mark.parametrize("output", SIGMA_PRIME)
def test_output_error_of_the_general_pairing(backend, dtype, output):
    net = Network(
        (3, 4, 2), "tanh", output, "squared_error", dtype, backend=backend, random_state=1
    )
    A0, Y = random_batch(net)
    cache = net.forward(A0)
    delta = net.backward(cache, Y, reduction="sum").deltas[-1]
    expected = (cache.A[-1] - Y) * SIGMA_PRIME[output](cache.Z[-1].astype(float))
    np.testing.assert_allclose(delta, expected, atol=8 * np.finfo(dtype).eps)


# the recursion and the gradients


@pytest.mark.parametrize("hidden", SIGMA_PRIME)
def test_recursion_and_gradients(backend, dtype, hidden):
    net = Network((3, 5, 4, 2), hidden, dtype=dtype, backend=backend, random_state=1)
    A0, Y = random_batch(net)
    cache = net.forward(A0)
    grads = net.backward(cache, Y)
    tolerance = {"rtol": 0, "atol": 30 * np.finfo(dtype).eps}
    for l in (1, 0):
        pulled_back = net.weights[l + 1].T.astype(float) @ grads.deltas[l + 1]
        expected = pulled_back * SIGMA_PRIME[hidden](cache.Z[l].astype(float))
        np.testing.assert_allclose(grads.deltas[l], expected, **tolerance)
    for l, delta in enumerate(grads.deltas):
        product = delta.astype(float) @ cache.A[l].T
        np.testing.assert_allclose(grads.weights[l], product, **tolerance)
        ones = np.ones(delta.shape[1])
        np.testing.assert_allclose(grads.biases[l], delta @ ones, **tolerance)


def test_derivative_of_relu_at_zero_is_zero(backend, dtype):
    net = Network((1, 3, 1), "relu", dtype=dtype, backend=backend)
    net.weights[0][:], net.weights[1][:] = [[0], [-1], [2]], 1
    net.biases[0][:], net.biases[1][:] = 0, 0
    cache = net.forward([1.0])
    np.testing.assert_array_equal(cache.Z[0], [[0], [-1], [2]])
    np.testing.assert_array_equal(net.backward(cache, [0.0]).deltas[0], [[0], [0], [2]])


# mini-batches


def test_gradient_of_a_batch_is_the_sum_of_its_examples(backend, dtype):
    net = Network((3, 4, 2), "tanh", dtype=dtype, backend=backend, random_state=1)
    A0, Y = random_batch(net)
    whole = net.backward(net.forward(A0), Y, reduction="sum")
    singles = [net.backward(net.forward(a), t) for a, t in zip(A0.T, Y.T, strict=True)]
    eps = np.finfo(dtype).eps
    for name in ("weights", "biases"):
        for l in (0, 1):
            summed = sum(getattr(single, name)[l].astype(float) for single in singles)
            np.testing.assert_allclose(getattr(whole, name)[l], summed, atol=30 * eps)


def test_the_mean_divides_by_the_batch_size_once(backend, dtype):
    net = Network((3, 4, 2), "tanh", dtype=dtype, backend=backend, random_state=1)
    A0, Y = random_batch(net, B=4)  # a power of two: dividing by it is exact
    cache = net.forward(A0)
    mean, total = net.backward(cache, Y), net.backward(cache, Y, reduction="sum")
    for of_mean, of_sum in zip(mean, total, strict=True):
        for a, b in zip(of_mean, of_sum, strict=True):
            np.testing.assert_allclose(a, b / 4, rtol=1e-6 if dtype == "float32" else 1e-14)
    np.testing.assert_allclose(net.loss(cache, Y), net.loss(cache, Y, "sum") / 4, rtol=1e-6)


def test_squared_error_is_half_of_the_squared_norm(backend, dtype):
    net = Network((1, 3), dtype=dtype, backend=backend)
    net.theta[:] = 0
    assert net.loss(net.forward([1.0]), [1.0, 2.0, 4.0]) == pytest.approx(10.5)


@pytest.mark.parametrize(
    ("output", "loss", "biases", "expected"),
    [
        ("softmax", "cross_entropy", [0, np.log(3)], -np.log(0.75)),
        ("sigmoid", "binary_cross_entropy", np.log(3), -np.log(0.75) - np.log(0.25)),
    ],
)
def test_cross_entropies(backend, dtype, output, loss, biases, expected):
    """Probabilities are 1/4 and 3/4 by the softmax, 3/4 for each output by the sigmoid."""
    net = Network((1, 2), "relu", output, loss, dtype, backend=backend)
    net.theta[:] = 0
    net.biases[0][:] = biases
    assert net.loss(net.forward([1.0]), [0.0, 1.0]) == pytest.approx(expected, rel=1e-6)
