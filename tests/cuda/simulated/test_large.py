"""What the primitives' own tests do not bring here: large matrices, and those that lie unlike.

In large ones threads go round their loop again, and sums take two stages.
"""

import numpy as np
import pytest

from gpubackprop.kernels.calls import executed
from gpubackprop.kernels.compiled import kernels as compiled
from gpubackprop.kernels.cuda.primitives import Primitives
from gpubackprop.kernels.cuda.tile import COLUMNS, ROWS, THREADS, WIDTH
from gpubackprop.kernels.formulas import Activation, Loss
from gpubackprop.kernels.optimizers import L2, SGD, Adam
from tests.cuda.shuttle import Shuttle
from tests.cuda.simulated.stand_in import StandIn
from tests.device_memory import StandInMemory

B, IN, OUT = 8 * ROWS + 7, COLUMNS + 5, COLUMNS + 3
"""Too many rows for one row of blocks to add up, and two tiles across, the second with a tail."""


@pytest.fixture
def primitives():
    return Primitives(StandIn())


@pytest.fixture
def eager(primitives):
    return executed(primitives)


@pytest.fixture
def kernels(eager):
    return Shuttle(eager, StandInMemory())


def normal(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def unwritten(*shape):
    return np.full(shape, np.nan, np.float32)


def assert_close(results, expected):
    for a, b in zip(results, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


def test_these_sums_take_two_stages(primitives):
    matrix, total = unwritten(B, OUT), unwritten(OUT)
    blocks, sums = primitives._sums(matrix, total)
    assert blocks > 1
    assert sums.size == blocks * OUT
    again, unused = primitives._sums(matrix[: 8 * ROWS], total)
    assert again == 1
    assert unused is total


def test_gather(kernels, rng):
    X, order = normal(rng, 2 * B, IN), rng.permutation(2 * B)
    out = unwritten(B, IN)
    kernels.gather(X, order, np.array([5]), out)
    np.testing.assert_array_equal(out, X[order[5 : 5 + B]])


@pytest.mark.parametrize("activation", [Activation.TANH, Activation.SOFTMAX])
def test_dense(kernels, rng, activation):
    A, W, b = normal(rng, B, 3), normal(rng, 3, OUT), normal(rng, OUT)
    out, expected = unwritten(B, OUT), unwritten(B, OUT)
    kernels.dense(A, W, b, activation, out, out)
    compiled.dense(A, W, b, activation, expected, expected)
    assert_close([out], [expected])


@pytest.mark.parametrize(
    ("activation", "loss"),
    [
        (Activation.SIGMOID, Loss.BINARY_CROSS_ENTROPY),
        (Activation.TANH, Loss.SQUARED_ERROR),
    ],
)
def test_output_delta_and_bias_grad(kernels, rng, activation, loss):
    A = rng.uniform(0.1, 0.9, (B, OUT)).astype(np.float32)
    Y, share = (A < 0.4).astype(np.float32), rng.uniform(0, 1 / B, (B, 1)).astype(np.float32)
    results, expected = ((unwritten(B, OUT), np.array([2.0]), unwritten(OUT)) for _ in range(2))
    kernels.output_delta_and_bias_grad(A, Y, share, activation, loss, *results)
    compiled.output_delta(A, Y, share, activation, loss, *expected[:2])
    compiled.bias_grad(expected[0], expected[2])
    assert_close(results, expected)


@pytest.mark.parametrize("activation", [Activation.IDENTITY, Activation.RELU])
def test_hidden_delta_and_bias_grad(kernels, rng, activation):
    delta, W, A = normal(rng, B, 3), normal(rng, OUT, 3), normal(rng, B, OUT).clip(0)
    results, expected = ((unwritten(B, OUT), unwritten(OUT)) for _ in range(2))
    kernels.hidden_delta_and_bias_grad(delta, W, A, activation, *results)
    compiled.hidden_delta(delta, W, A, activation, expected[0])
    compiled.bias_grad(*expected)
    assert_close(results, expected)


def test_bias_grad(kernels, rng):
    delta, grad, expected = normal(rng, B, OUT), unwritten(OUT), unwritten(OUT)
    kernels.bias_grad(delta, grad)
    compiled.bias_grad(delta, expected)
    assert_close([grad], [expected])


SIZE = 8 * THREADS * WIDTH + 777
"""Parameters that the most blocks of an update, eight of this device, do not reach at once."""
STATES = {
    "sgd": lambda velocity: SGD(velocity, np.array([0.125]), 0.9, True),
    "adam": lambda m, v: Adam(m, v, np.array([3]), np.array([0.01]), 0.9, 0.999, 1e-8),
}


@pytest.mark.parametrize("name", STATES)
def test_update(kernels, rng, name):
    vectors = np.abs(normal(rng, 3 if name == "sgd" else 4, SIZE))
    results, expected = ([*vectors.copy(), np.array([2.0])] for _ in range(2))
    for module, (theta, grad, *moments, penalty) in (kernels, results), (compiled, expected):
        l2 = L2(SIZE - 1001, np.array([0.03]), penalty)
        getattr(module, name)(theta, grad, STATES[name](*moments), l2)
    assert_close(results, expected)


# matrices that lie unlike; the shuttle would lay them all alike


def with_gap(values, gap):
    """A copy with NaN after each row."""
    room = unwritten(len(values), values.shape[1] + gap)
    room[:, :-gap] = values
    return room[:, :-gap]


def test_each_matrix_has_a_lead_of_its_own(eager, rng):
    A, Y, share = normal(rng, 9, 6), normal(rng, 9, 6), np.abs(normal(rng, 9, 1))
    pair = Activation.TANH, Loss.SQUARED_ERROR
    delta, total = with_gap(unwritten(9, 6), 2), np.array([2.0])
    expected = unwritten(9, 6), np.array([2.0])
    lie = with_gap(A, 2), with_gap(Y, 5), with_gap(share, 3)
    eager.output_delta(*lie, *pair, delta, total)
    compiled.output_delta(A, Y, share, *pair, *expected)
    assert_close([delta, total], expected)


LIES = {
    "rows with gaps": lambda X: with_gap(X, 3),
    "column-major": np.asfortranarray,
    "every other column": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "one column for all": lambda X: np.broadcast_to(X[:, :1], X.shape),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_data_may_lie_in_any_way(eager, rng, lie):
    X, order = lie(normal(rng, 12, 6)), rng.permutation(12)
    out = with_gap(unwritten(9, 6), 2)
    eager.gather(X, order, np.array([2]), out)
    np.testing.assert_array_equal(out, X[order[2:11]])
