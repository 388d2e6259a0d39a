"""One test body per primitive, run on every kernels module and dtype.

What is expected comes from the formula in extended precision, its derivative from a complex step
(Im L(z + ih) / h, exact to rounding), an optimizer's step from scikit-learn. Outputs hold NaN
before each call, so that an element left unwritten fails.
"""

import numpy as np
import pytest
import scipy.special
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from gpubackprop.kernels.formulas import ELEMENTWISE, PAIRINGS, Activation, Loss
from gpubackprop.kernels.optimizers import L2, SGD, Adam

ULPS = 8
"""Units in the last place that a result may be off, of the sum of its terms' magnitudes."""

H = 1e-30
"""Complex step."""

BATCHES = [
    *[(1, 1, 1), (1, 9, 4), (3, 1, 7), (5, 7, 1), (17, 33, 19), (64, 16, 8), (201, 130, 11)],
    *[(1400, 3, 100), (1400, 100, 3)],
]
"""B, fan_in, fan_out: one of each, odd, whole registers, with a tail, long and thin."""

PAIRS = [
    (activation, loss)
    for loss, valid in PAIRINGS.items()
    for activation in (valid if loss is Loss.SQUARED_ERROR else {*valid[:1], *valid[-1:]})
]
"""Every activation with the squared error; the other losses go on through the same code."""

WEIGHTED = [
    *[(1, 0), (1, 1), (7, 3), (9000, 0), (1024, 1024), (1025, 1024), (2061, 1033)],
    *[(10001, 5000), (10001, 10001)],
]
"""Parameters and how many decay: the squared norm is added up in blocks of 1024, by eights."""


def label(value):
    return value.name.lower() if hasattr(value, "name") else None


def unwritten(shape, dtype):
    return np.full(shape, np.nan, dtype=dtype)


def exact(values):
    return np.asarray(values, dtype=np.longdouble)


def normal(rng, shape, dtype, scale=1.0):
    return (scale * rng.standard_normal(shape)).astype(dtype)


def assert_close(actual, expected, scale, dtype):
    """Hold `actual` to ULPS units of `scale`, the magnitude of the terms that were added."""
    error = np.abs(exact(actual) - expected)
    allowed = ULPS * np.finfo(dtype).eps * exact(scale)
    assert np.all(error <= allowed), f"off by {np.max(error / allowed):.3g} times what is allowed"


def softmax(z):
    e = np.exp(z - z.real.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def erf(z):
    """The error function of x + ih, h so small that erf(x) + ih erf'(x) is exact."""
    x = z.real
    real = scipy.special.erf(x.astype(float))
    return real + 1j * z.imag * 2 / np.sqrt(np.pi) * np.exp(-(x**2)) if z.imag.any() else real


SIGMA = {
    Activation.IDENTITY: lambda z: z,
    Activation.RELU: lambda z: np.where(z.real > 0, z, 0),
    Activation.SIGMOID: lambda z: 1 / (1 + np.exp(-z)),
    Activation.TANH: np.tanh,
    Activation.SOFTMAX: softmax,
    Activation.EXP: np.exp,
    Activation.SILU: lambda z: z / (1 + np.exp(-z)),
    Activation.LEAKY_RELU: lambda z: np.where(z.real > 0, z, z / 100),
    Activation.ELU: lambda z: np.where(z.real > 0, z, np.exp(z) - 1),
    Activation.SELU: lambda z: (
        1.0507009873554805 * np.where(z.real > 0, z, 1.6732632423543772 * (np.exp(z) - 1))
    ),
    Activation.GELU: lambda z: z * (1 + erf(z / np.sqrt(exact(2)))) / 2,
    Activation.MISH: lambda z: z * np.tanh(np.log(1 + np.exp(z))),
    Activation.SOFTPLUS: lambda z: np.log(1 + np.exp(z)),
    Activation.HARDTANH: lambda z: np.where(abs(z.real) < 1, z, np.sign(z.real)),
}
"""sigma(z) of real or complex z."""

LOSS = {
    Loss.SQUARED_ERROR: lambda a, y: (a - y) ** 2 / 2,
    Loss.CROSS_ENTROPY: lambda a, y: -y * np.log(a),
    Loss.BINARY_CROSS_ENTROPY: lambda a, y: -y * np.log(a) - (1 - y) * np.log(1 - a),
    Loss.POISSON: lambda a, y: y * np.log(np.where(y > 0, y, 1) / a) - y + a,
    Loss.GAMMA: lambda a, y: y / a - np.log(y / a) - 1,
    Loss.ABSOLUTE_ERROR: lambda a, y: (a - y) * np.sign((a - y).real),
    Loss.HUBER: lambda a, y: np.where(
        abs((a - y).real) < 1, (a - y) ** 2 / 2, (a - y) * np.sign((a - y).real) - exact(0.5)
    ),
    Loss.LOG_COSH: lambda a, y: np.log(np.cosh(a - y)),
    Loss.QUANTILE: lambda a, y: (a - y) * np.sign((a - y).real) / 2,
    Loss.FOCAL: lambda a, y: -y * (1 - a) ** 2 * np.log(a),
    Loss.BINARY_FOCAL: lambda a, y: -y * (1 - a) ** 2 * np.log(a) - (1 - y) * a**2 * np.log(1 - a),
}
"""Loss of one output, before any clipping, with the usual constant."""


# gather, advance, normalize


def memory_orders(X):
    """The same matrix, laid out in every way that NumPy hands data over."""
    n, d = X.shape
    spread = np.zeros((2 * n, 3 * d), dtype=X.dtype)
    spread[::2, ::3] = X
    read_only = X.copy()
    read_only.flags.writeable = False
    yield "C", np.ascontiguousarray(X)
    yield "F", np.asfortranarray(X)
    yield "strided", spread[::2, ::3]
    yield "rows strided", np.hstack([X, X])[:, :d]
    yield "negative strides", np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1]
    yield "rows backwards", np.ascontiguousarray(X[::-1])[::-1]
    yield "read-only", read_only


@pytest.mark.parametrize("cursor", [0, 4, 19])
@pytest.mark.parametrize(
    ("rows", "d"), [(1, 1), (3, 1), (1, 5), (4, 33), (4, 64), (1400, 100), (140_001, 1)]
)
def test_gather(kernels, dtype, rng, rows, d, cursor):
    data = normal(rng, (rows + 19, d), dtype)
    order = rng.permutation(len(data)).astype(np.int64)
    for name, X in memory_orders(data):
        position, out = np.array([cursor]), unwritten((rows, d), dtype)
        kernels.gather(X, order, position, out)
        assert np.array_equal(out, data[order[cursor : cursor + rows]]), name
        assert position[0] == cursor


def test_gather_repeats_rows_and_broadcasts(kernels, dtype):
    out = unwritten((3, 2), dtype)
    X = np.broadcast_to(np.array([[1], [2]], dtype=dtype), (2, 2))
    kernels.gather(X, np.array([1, 0, 1]), np.zeros(1, dtype=np.int64), out)
    np.testing.assert_array_equal(out, [[2, 2], [1, 1], [2, 2]])


@pytest.mark.parametrize("amount", [0, 1, 200])
def test_advance(kernels, amount):
    counter = np.array([2**40 + 5])
    kernels.advance(counter, amount)
    assert counter[0] == 2**40 + 5 + amount


@pytest.mark.parametrize("size", [1, 4, 67, 9001])
def test_add(kernels, dtype, rng, size):
    amount, total = normal(rng, size, dtype), normal(rng, size, dtype)
    expected = amount + total
    kernels.add(amount, total)
    np.testing.assert_array_equal(total, expected)


class Twins:
    """Ranks that are all alike, as their sum is this one's vector so many times."""

    index, size = 0, 3

    def all_reduce(self, vector):
        vector *= self.size


def test_all_reduce(kernels, dtype, rng):
    total = normal(rng, 67, dtype)
    expected = 3 * total
    kernels.all_reduce(total, Twins())
    np.testing.assert_array_equal(total, expected)


@pytest.mark.parametrize("B", [1, 3, 64, 1001])
def test_normalize(kernels, dtype, rng, B):
    share, decay = rng.uniform(0, 3, (B, 1)).astype(dtype), unwritten(1, np.float64)
    total = exact(share).sum()
    expected = exact(share) / total
    kernels.normalize(share, 0.25, decay)
    assert_close(share, expected, expected, dtype)
    assert_close(decay, 0.25 / total, 0.25 / total, np.float64)


# dense


@pytest.mark.parametrize("shape", BATCHES, ids=str)
@pytest.mark.parametrize("activation", Activation, ids=label)
@pytest.mark.parametrize("memory", ["one array", "one memory", "two arrays"])
def test_dense(kernels, dtype, rng, activation, shape, memory):
    B, fan_in, fan_out = shape
    A, W = normal(rng, (B, fan_in), dtype), normal(rng, (fan_in, fan_out), dtype, fan_in**-0.5)
    b = normal(rng, fan_out, dtype)
    out = unwritten((B, fan_out), dtype)
    Z = {"one array": out, "one memory": out[:], "two arrays": unwritten(out.shape, dtype)}[memory]
    kernels.dense(A, W, b, activation, Z, out)

    terms = exact(np.abs(A)) @ exact(np.abs(W)) + np.abs(b)
    z = exact(A) @ exact(W) + exact(b)
    if memory == "two arrays":
        assert_close(Z, z, terms, dtype)
    a = SIGMA[activation](z)
    slope = a if activation is Activation.EXP else 1  # how much sigma magnifies the error of z
    assert_close(out, a, terms * slope + np.abs(a), dtype)


@pytest.mark.parametrize("activation", Activation, ids=label)
def test_dense_lets_nan_through(kernels, dtype, activation):
    A = np.array([[1.0], [np.nan], [2.0]], dtype=dtype)
    W, b = np.array([[1.0, -1.0, 0.5]], dtype=dtype), np.zeros(3, dtype=dtype)
    out = np.zeros((3, 3), dtype=dtype)
    kernels.dense(A, W, b, activation, out, out)
    assert np.isnan(out[1]).all()
    assert np.isfinite(out[[0, 2]]).all()


@pytest.mark.parametrize("column", [0, 1, 2])
def test_softmax_of_a_row_with_nan_is_nan(kernels, dtype, column):
    out = outputs(kernels, dtype, Activation.SOFTMAX, np.eye(3)[column] * np.nan)
    assert np.isnan(out).all()


def outputs(kernels, dtype, activation, z):
    """sigma(z) of one row of pre-activations, which enter through the bias."""
    b = np.asarray(z, dtype=dtype)
    out = unwritten((1, b.size), dtype)
    zero = np.zeros((1, 1), dtype=dtype)
    kernels.dense(zero, np.zeros((1, b.size), dtype=dtype), b, activation, out, out)
    return out[0]


FAR = [-np.inf, -1e30, -1000.0, -800.0, -100.0, 100.0, 800.0, 1000.0, 1e30, np.inf]


@pytest.mark.parametrize(
    ("activation", "low"), [(Activation.SIGMOID, 0), (Activation.TANH, -1)], ids=label
)
def test_saturation(kernels, dtype, activation, low):
    out = outputs(kernels, dtype, activation, FAR)
    limits = np.repeat([low, 1], 5)
    np.testing.assert_allclose(out, limits, rtol=0, atol=1e-37)


@pytest.mark.parametrize("far", [1000.0, 1e30, np.inf])
def test_softmax_far_below_the_largest(kernels, dtype, far):
    out = outputs(kernels, dtype, Activation.SOFTMAX, [1.0, 1.0 - far, -far, 1.0, 0.0])
    assert_close(out.sum(), 1, 1, dtype)
    expected = softmax(exact([[1.0, 1.0, 0.0]]))[0]
    assert_close(out[[0, 3, 4]], expected, 1, dtype)
    np.testing.assert_allclose(out[[1, 2]], 0, atol=1e-37)


def test_softmax_far_above(kernels, dtype):
    out = outputs(kernels, dtype, Activation.SOFTMAX, [1000.0, 999.0, -1000.0])
    assert_close(out, softmax(exact([[1.0, 0.0, -5000.0]]))[0], 1, dtype)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_softmax_of_infinity_is_nan(kernels, dtype):
    # inf - inf: scikit-learn's formula has no value there either.
    assert np.isnan(outputs(kernels, dtype, Activation.SOFTMAX, [0.0, np.inf, 1.0])).all()


# output_delta


def targets(rng, loss, B, k):
    if loss is Loss.SQUARED_ERROR:
        return rng.standard_normal((B, k))
    if loss is Loss.POISSON:
        return rng.poisson(1.5, (B, k)).astype(float)
    if loss is Loss.GAMMA:
        return rng.uniform(0.01, 0.1, (B, k))  # y / y_hat magnifies the rounding of y_hat
    if loss is Loss.CROSS_ENTROPY:
        soft = rng.dirichlet(np.ones(k), B)
        return np.where(rng.random((B, 1)) < 0.5, soft, np.eye(k)[rng.integers(k, size=B)])
    return rng.integers(0, 2, (B, k)).astype(float)


def error_of_output(z, Y, activation, loss):
    """dL_i/dz_i of each row by complex steps."""
    gradient = np.empty_like(z)
    for j in range(z.shape[1]):
        step = np.zeros_like(z)
        step[:, j] = H
        of_row = LOSS[loss](SIGMA[activation](z + 1j * step), Y).sum(axis=1)
        gradient[:, j] = of_row.imag / H
    return gradient


def clipped_loss(A, Y, loss):
    eps = exact(np.finfo(A.dtype).eps)
    p = exact(A)
    if loss in (Loss.CROSS_ENTROPY, Loss.BINARY_CROSS_ENTROPY):
        p = np.clip(p, eps, 1 - eps)
    return LOSS[loss](p, exact(Y))


@pytest.mark.parametrize(("B", "k"), [(1, 1), (1, 6), (7, 1), (5, 3), (33, 17), (200, 10)])
@pytest.mark.parametrize(("activation", "loss"), PAIRS, ids=label)
def test_output_delta(kernels, dtype, rng, activation, loss, B, k):
    z = exact(1.5 * rng.standard_normal((B, k)))
    A = SIGMA[activation](z).astype(dtype)
    Y = targets(rng, loss, B, k).astype(dtype)
    share = rng.uniform(0, 1, (B, 1)).astype(dtype)
    delta, total = unwritten((B, k), dtype), np.array([3.5])
    kernels.output_delta(A, Y, share, activation, loss, delta, total)

    error = error_of_output(z, exact(Y), activation, loss)
    assert_close(delta, error * share, (1 + np.abs(A) + np.abs(Y)) * share, dtype)
    losses = clipped_loss(A, Y, loss) * share
    terms = (1 + np.abs(A) + np.abs(Y)) ** 2 * share  # bounds what the losses cancel to
    assert_close(total, 3.5 + losses.sum(), terms.sum(), dtype)


@pytest.mark.parametrize(("activation", "loss"), PAIRS, ids=label)
def test_output_delta_adds_to_the_total(kernels, dtype, rng, activation, loss):
    A = SIGMA[activation](exact(rng.standard_normal((4, 3)))).astype(dtype)
    Y, share = targets(rng, loss, 4, 3).astype(dtype), np.full((4, 1), 0.25, dtype=dtype)
    delta, once = unwritten((4, 3), dtype), np.zeros(1)
    kernels.output_delta(A, Y, share, activation, loss, delta, once)
    thrice = np.array([10 * once[0]])
    for _ in range(3):
        kernels.output_delta(A, Y, share, activation, loss, delta, thrice)
    assert once[0] > 0
    np.testing.assert_allclose(thrice, 13 * once, rtol=1e-14)


@pytest.mark.parametrize(
    ("activation", "loss"),
    [
        (Activation.SOFTMAX, Loss.CROSS_ENTROPY),
        (Activation.SIGMOID, Loss.BINARY_CROSS_ENTROPY),
        (Activation.IDENTITY, Loss.SQUARED_ERROR),
        (Activation.EXP, Loss.POISSON),
    ],
    ids=label,
)
def test_output_delta_of_the_standard_pairings_is_prediction_minus_target(
    kernels, dtype, rng, activation, loss
):
    A = rng.uniform(0.1, 0.9, (6, 5)).astype(dtype)
    Y, ones = targets(rng, loss, 6, 5).astype(dtype), np.ones((6, 1), dtype=dtype)
    delta = unwritten((6, 5), dtype)
    kernels.output_delta(A, Y, ones, activation, loss, delta, np.zeros(1))
    np.testing.assert_array_equal(delta, A - Y)


@pytest.mark.parametrize(
    ("activation", "loss"),
    [
        (Activation.SOFTMAX, Loss.CROSS_ENTROPY),
        (Activation.SIGMOID, Loss.BINARY_CROSS_ENTROPY),
    ],
    ids=label,
)
@pytest.mark.parametrize("y", [0.0, 1.0])
@pytest.mark.parametrize("p", [0.0, 1.0])
def test_probabilities_are_clipped(kernels, dtype, activation, loss, y, p):
    A, Y, one = (np.full((1, 1), value, dtype=dtype) for value in (p, y, 1))
    delta, total = unwritten((1, 1), dtype), np.zeros(1)
    kernels.output_delta(A, Y, one, activation, loss, delta, total)
    assert delta[0, 0] == p - y
    eps = np.finfo(dtype).eps
    counted = y == 1 or loss is Loss.BINARY_CROSS_ENTROPY  # 0 log p is 0
    expected = (-np.log(eps) if p != y else -np.log1p(-eps)) if counted else 0.0
    np.testing.assert_allclose(total[0], expected, rtol=ULPS * eps)


@pytest.mark.parametrize(("activation", "loss"), PAIRS, ids=label)
def test_a_loss_of_nan_shows(kernels, dtype, activation, loss):
    A, Y, one = (np.full((1, 1), value, dtype=dtype) for value in (np.nan, 1, 1))
    delta, total = unwritten((1, 1), dtype), np.zeros(1)
    kernels.output_delta(A, Y, one, activation, loss, delta, total)
    assert np.isnan(total[0])


def test_poisson_target_of_zero(kernels, dtype):
    A, Y, one = (np.full((1, 1), value, dtype=dtype) for value in (2.5, 0, 1))
    delta, total = unwritten((1, 1), dtype), np.zeros(1)
    kernels.output_delta(A, Y, one, Activation.EXP, Loss.POISSON, delta, total)
    assert (delta[0, 0], total[0]) == (2.5, 2.5)


# gradients and the recursion


@pytest.mark.parametrize("shape", BATCHES, ids=str)
@pytest.mark.parametrize("activation", ELEMENTWISE, ids=label)
def test_hidden_delta(kernels, dtype, rng, activation, shape):
    B, fan_in, fan_out = shape
    z = exact(2 * rng.standard_normal((B, fan_in)))
    saved = (z if activation.reads_pre_activation else SIGMA[activation](z)).astype(dtype)
    delta, W = normal(rng, (B, fan_out), dtype), normal(rng, (fan_in, fan_out), dtype)
    out = unwritten((B, fan_in), dtype)
    kernels.hidden_delta(delta, W, saved, activation, out)
    derivative = SIGMA[activation](z + 1j * H).imag / H
    terms = exact(np.abs(delta)) @ exact(np.abs(W)).T
    assert_close(out, (exact(delta) @ exact(W).T) * derivative, terms, dtype)


@pytest.mark.parametrize("shape", [(1, 1, 1), (17, 33, 19), (201, 130, 11)], ids=str)
@pytest.mark.parametrize(
    "activation", [a for a in ELEMENTWISE if a.reads_pre_activation], ids=label
)
def test_dense_and_slope_and_the_error_pulled_back_with_it(kernels, dtype, rng, activation, shape):
    B, fan_in, fan_out = shape
    A, W = normal(rng, (B, fan_in), dtype), normal(rng, (fan_in, fan_out), dtype, fan_in**-0.5)
    b, (slope, out, pulled) = normal(rng, fan_out, dtype), unwritten((3, B, fan_out), dtype)
    kernels.dense_and_slope(A, W, b, activation, slope, out)
    delta, W_above = normal(rng, (B, 1), dtype), normal(rng, (fan_out, 1), dtype)
    kernels.hidden_delta(delta, W_above, slope, None, pulled)

    terms = exact(np.abs(A)) @ exact(np.abs(W)) + np.abs(b)
    z = exact(A) @ exact(W) + exact(b)
    derivative = SIGMA[activation](z + 1j * H).imag / H
    assert_close(out, SIGMA[activation](z), 1 + terms, dtype)
    assert_close(slope, derivative, 1 + terms, dtype)
    error = exact(delta) @ exact(W_above).T
    assert_close(pulled, error * derivative, np.abs(error) * (1 + terms), dtype)


def test_derivative_of_relu_at_zero_is_zero(kernels, dtype):
    A = np.array([[0.0, -0.0, 1e-30, 2.0]], dtype=dtype)
    one, W = np.ones((1, 1), dtype=dtype), np.full((4, 1), 3, dtype=dtype)
    out = unwritten((1, 4), dtype)
    kernels.hidden_delta(one, W, A, Activation.RELU, out)
    np.testing.assert_array_equal(out, [[0, 0, 3, 3]])
    delta = unwritten((1, 4), dtype)
    target = np.full((1, 4), -1, dtype=dtype)
    kernels.output_delta(A, target, one, Activation.RELU, Loss.SQUARED_ERROR, delta, np.zeros(1))
    np.testing.assert_array_equal(delta, [[0, 0, 1, 3]])


@pytest.mark.parametrize("shape", BATCHES, ids=str)
def test_weight_grad(kernels, dtype, rng, shape):
    B, fan_in, fan_out = shape
    A, delta = normal(rng, (B, fan_in), dtype), normal(rng, (B, fan_out), dtype)
    grad = unwritten((fan_in, fan_out), dtype)
    kernels.weight_grad(A, delta, grad)
    terms = exact(np.abs(A)).T @ exact(np.abs(delta))
    assert_close(grad, exact(A).T @ exact(delta), terms, dtype)


@pytest.mark.parametrize(
    ("B", "d"), [(1, 1), (1, 9), (3, 5), (200, 10), (5000, 1), (333, 129), (60, 257)]
)
def test_bias_grad(kernels, dtype, rng, B, d):
    delta, grad = normal(rng, (B, d), dtype), unwritten(d, dtype)
    kernels.bias_grad(delta, grad)
    assert_close(grad, exact(delta).sum(axis=0), exact(np.abs(delta)).sum(axis=0), dtype)


# optimizers


class Expected:
    """scikit-learn's optimizer on float64 copies, weights and biases apart, with L2 added."""

    def __init__(self, theta, decayed, decay):
        W, b = theta[:decayed].astype(float), theta[decayed:].astype(float)
        self.parameters, self.decay, self.penalty = [W, b], decay, 0.0

    def step(self, optimizer, grad):
        W, _ = self.parameters
        self.penalty += 0.5 * self.decay * float(exact(W) @ exact(W))
        gradient = [grad[: W.size] + self.decay * W, grad[W.size :].astype(float)]
        optimizer.update_params(self.parameters, gradient)

    @property
    def theta(self):
        return np.concatenate(self.parameters)


@pytest.mark.parametrize(("size", "decayed"), WEIGHTED)
@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
def test_sgd(kernels, dtype, rng, size, decayed, momentum, nesterov):
    theta, velocity = normal(rng, size, dtype), np.zeros(size, dtype=dtype)
    rate, decay, penalty = np.array([0.125]), np.array([0.03]), np.array([2.0])
    state, l2 = SGD(velocity, rate, momentum, nesterov), L2(decayed, decay, penalty)
    expected = Expected(theta, decayed, decay[0])
    oracle = SGDOptimizer(
        expected.parameters, rate[0], "constant", momentum=momentum, nesterov=nesterov
    )
    for _ in range(3):
        grad = normal(rng, size, dtype)
        expected.step(oracle, grad)
        kernels.sgd(theta, grad, state, l2)
    assert_close(theta, expected.theta, 1 + np.abs(expected.theta), dtype)
    assert_close(velocity, np.concatenate(oracle.velocities), 1, dtype)
    assert_close(penalty, 2 + expected.penalty, 2 + expected.penalty, dtype)


@pytest.mark.parametrize(("size", "decayed"), WEIGHTED)
def test_adam(kernels, dtype, rng, size, decayed):
    theta = normal(rng, size, dtype)
    m, v, t = np.zeros(size, dtype=dtype), np.zeros(size, dtype=dtype), np.zeros(1, np.int64)
    rate, decay, penalty = np.array([0.01]), np.array([0.03]), np.array([2.0])
    state, l2 = Adam(m, v, t, rate, 0.9, 0.999, 1e-8), L2(decayed, decay, penalty)
    expected = Expected(theta, decayed, decay[0])
    oracle = AdamOptimizer(expected.parameters, rate[0], 0.9, 0.999, 1e-8)
    for _ in range(3):
        grad = normal(rng, size, dtype)
        expected.step(oracle, grad)
        t += 1
        kernels.adam(theta, grad, state, l2)
    assert_close(theta, expected.theta, 1 + np.abs(expected.theta), dtype)
    assert_close(m, np.concatenate(oracle.ms), 1, dtype)
    assert_close(v, np.concatenate(oracle.vs), 0.01, dtype)
    assert_close(penalty, 2 + expected.penalty, 2 + expected.penalty, dtype)


def test_adam_reads_the_step_counter_and_the_rate(kernels, dtype):
    """A replayed call must see what changed since it was recorded."""
    theta, grad, m, v = (np.full(1, x, dtype=dtype) for x in (0.0, 1.0, 0.0, 0.0))
    t, rate, zero = np.array([1]), np.array([0.5]), np.zeros(1)
    call = (theta, grad, Adam(m, v, t, rate, 0.9, 0.999, 1e-8), L2(0, zero, zero))
    kernels.adam(*call)
    first = theta[0]
    t[0], rate[0] = 2, 0.25
    kernels.adam(*call)
    np.testing.assert_allclose([first, theta[0]], [-0.5, -0.75], rtol=1e-5)


def test_adam_stands_still_where_all_is_zero(kernels, dtype):
    # Padding between parameters is zero and must stay so.
    theta, grad, m, v = (np.zeros(5000, dtype=dtype) for _ in range(4))
    state = Adam(m, v, np.array([1]), np.array([0.1]), 0.9, 0.999, 1e-8)
    kernels.adam(theta, grad, state, L2(4000, np.array([0.1]), np.zeros(1)))
    assert not theta.any()
