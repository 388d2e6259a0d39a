"""Optimizers against PyTorch's documented algorithms, and the clipping of gradients."""

import numpy as np
import pytest

from gpubackprop.kernels.compiled import Primitives
from gpubackprop.kernels.formulas import AdamForm
from gpubackprop.kernels.optimizers import L2, SGD, Adam, Lion, RMSProp

SIZE, DECAYED = 48, 32
RATE, BETA_1, BETA_2, EPSILON = 0.01, 0.9, 0.99, 1e-3


class Published:
    """An algorithm as published, in float64, of gradients in which a penalty may be."""

    def __init__(self, theta, weight_decay):
        self.theta = theta.astype(float)
        self.m, self.v, self.product = np.zeros(SIZE), np.zeros(SIZE), 1.0
        self.decay = np.where(np.arange(SIZE) < DECAYED, weight_decay, 0.0)

    def shrink(self):
        """PyTorch's `param.mul_(1 - lr * weight_decay)`."""
        self.theta *= 1 - RATE * self.decay

    def moments(self, g):
        self.m = BETA_1 * self.m + (1 - BETA_1) * g
        self.v = BETA_2 * self.v + (1 - BETA_2) * g**2


class AdamW(Published):
    """https://docs.pytorch.org/docs/stable/generated/torch.optim.AdamW.html."""

    def step(self, t, g):
        self.shrink()
        self.moments(g)
        m_hat, v_hat = self.m / (1 - BETA_1**t), self.v / (1 - BETA_2**t)
        self.theta -= RATE * m_hat / (np.sqrt(v_hat) + EPSILON)


class NAdam(Published):
    """https://docs.pytorch.org/docs/stable/generated/torch.optim.NAdam.html."""

    def step(self, t, g):
        self.shrink()
        self.moments(g)
        mu = BETA_1 * (1 - 0.5 * 0.96 ** (t * 0.004))
        ahead = BETA_1 * (1 - 0.5 * 0.96 ** ((t + 1) * 0.004))
        self.product *= mu
        m_hat = ahead * self.m / (1 - self.product * ahead) + (1 - mu) * g / (1 - self.product)
        self.theta -= RATE * m_hat / (np.sqrt(self.v / (1 - BETA_2**t)) + EPSILON)


class ScikitLearnsAdam(Published):
    """With epsilon outside the bias correction, and a decoupled decay."""

    def step(self, t, g):
        self.shrink()
        self.moments(g)
        rate = RATE * np.sqrt(1 - BETA_2**t) / (1 - BETA_1**t)
        self.theta -= rate * self.m / (np.sqrt(self.v) + EPSILON)


class Rmsprop(Published):
    """https://docs.pytorch.org/docs/stable/generated/torch.optim.RMSprop.html, alpha=BETA_2."""

    def step(self, t, g):
        self.shrink()
        self.moments(g)
        self.theta -= RATE * g / (np.sqrt(self.v) + EPSILON)


class LionOfThePaper(Published):
    """X. Chen et al., 2023, algorithm 2."""

    def step(self, t, g):
        c = BETA_1 * self.m + (1 - BETA_1) * g
        self.theta -= RATE * (np.sign(c) + self.decay * self.theta)
        self.m = BETA_2 * self.m + (1 - BETA_2) * g


class Momentum(Published):
    """https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html, nesterov=True."""

    def step(self, t, g):
        self.shrink()
        self.m = BETA_1 * self.m + g
        self.theta -= RATE * (g + BETA_1 * self.m)


def adam(form):
    def made(vector, rate, t, weight_decay):
        constants = BETA_1, BETA_2, EPSILON, weight_decay, form
        return Adam(vector(), vector(), t, rate, *constants)

    return made


OPTIMIZERS = {
    "sgd": (
        "sgd",
        lambda vector, rate, t, weight_decay: SGD(vector(), rate, BETA_1, True, weight_decay),
        Momentum,
    ),
    "adam": ("adam", adam(AdamForm.ADAM), ScikitLearnsAdam),
    "adamw": ("adam", adam(AdamForm.ADAMW), AdamW),
    "nadam": ("adam", adam(AdamForm.NADAM), NAdam),
    "rmsprop": (
        "rmsprop",
        lambda vector, rate, t, weight_decay: RMSProp(
            vector(), rate, BETA_2, EPSILON, weight_decay
        ),
        Rmsprop,
    ),
    "lion": (
        "lion",
        lambda vector, rate, t, weight_decay: Lion(vector(), rate, BETA_1, BETA_2, weight_decay),
        LionOfThePaper,
    ),
}
"""Each with its primitive, its record and the published algorithm."""


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_are_the_published_ones(kernels, dtype, rng, name, steps):
    primitive, make, algorithm = OPTIMIZERS[name]
    steps = steps if dtype == np.float64 else min(steps, 5)
    theta, t = rng.standard_normal(SIZE).astype(dtype), np.zeros(1, dtype=np.int64)
    expected = algorithm(theta, weight_decay=0.5)
    state = make(lambda: np.zeros(SIZE, dtype), np.array([RATE]), t, 0.5)
    l2 = L2(DECAYED, np.array([0.25]), np.array([3.0]))
    penalty = 3.0
    for number in range(1, steps + 1):
        grad = rng.standard_normal(SIZE).astype(dtype)
        W = expected.theta[:DECAYED]
        penalty += 0.5 * 0.25 * float(W @ W)
        expected.step(number, grad + 0.25 * np.where(expected.decay > 0, expected.theta, 0))
        t += 1
        getattr(kernels, primitive)(theta, grad, state, l2)
    tolerance = 1e-6 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(theta, expected.theta, rtol=0, atol=3 * tolerance)
    np.testing.assert_allclose(l2.penalty, penalty, rtol=tolerance)


def test_nadam_late(kernels, dtype):
    """Its product of 5000 factors is zero; after 64 of them no more are multiplied."""
    theta, m, v, grad = (np.full(1, x, dtype=dtype) for x in (0.0, 0.5, 4.0, 1.0))
    t, zero = np.array([5000]), np.zeros(1)
    state = Adam(m, v, t, np.array([1.0]), 0.5, 0.75, 0.0, 0.0, AdamForm.NADAM)
    kernels.adam(theta, grad, state, L2(0, zero, zero))
    now, ahead = (0.5 * (1 - 0.5 * 0.96 ** (0.004 * i)) for i in (5000, 5001))
    expected = -(ahead * 0.75 + (1 - now) * 1.0) / np.sqrt(0.75 * 4 + 0.25)
    np.testing.assert_allclose(theta, expected, rtol=1e-5 if dtype == np.float32 else 1e-13)


@pytest.mark.parametrize("name", ["nadam", "rmsprop", "lion"])
def test_zero_stands_still(kernels, dtype, name):
    # Padding between parameters is zero and must stay so.
    primitive, make, _ = OPTIMIZERS[name]
    theta, grad = np.zeros(200, dtype), np.zeros(200, dtype)
    state = make(lambda: np.zeros(200, dtype), np.array([0.1]), np.array([1]), 0.1)
    getattr(kernels, primitive)(theta, grad, state, L2(100, np.array([0.1]), np.zeros(1)))
    assert not theta.any()


@pytest.mark.parametrize(("size", "largest"), [(1, 0.5), (2061, 20.0), (1100, np.inf)])
def test_clip(kernels, dtype, rng, size, largest):
    grad = (1 + np.abs(rng.standard_normal(size))).astype(dtype)
    before, norm = grad.astype(float), np.array([2.0])
    length = np.sqrt((before**2).sum())
    assert length > 1
    kernels.clip(grad, largest, norm)
    rtol = 1e-5 if dtype == np.float32 else 1e-13
    np.testing.assert_allclose(norm, 2 + length, rtol=rtol)
    np.testing.assert_allclose(grad, before * min(1, largest / length), rtol=rtol)


def test_a_short_gradient_is_not_touched(kernels, dtype, rng):
    grad = rng.standard_normal(70).astype(dtype)
    before, norm = grad.copy(), np.zeros(1)
    kernels.clip(grad, 100.0, norm)
    np.testing.assert_array_equal(grad, before)
    assert norm[0] > 0


def clipped_in(pieces, grad):
    """Gradient and its norm, with the stages of `clip` divided in pieces."""
    grad, norm = grad.copy(), np.zeros(1)
    for stage in Primitives(pieces).clip(grad, 1.0, norm):
        stage.run()
    return np.append(grad.astype(float), norm)


def test_clipping_has_the_same_bits_for_any_number_of_threads(rng):
    grad = rng.standard_normal(9_000).astype(np.float32)
    assert grad.astype(float).sum() != 0
    for pieces in (2, 3, 7):
        np.testing.assert_array_equal(clipped_in(pieces, grad), clipped_in(1, grad))
