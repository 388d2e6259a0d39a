"""Dropout in training: replayed, checkpointed or in parts, the masks of a step are its own."""

import pickle
import re
from importlib import import_module

import numpy as np
import pytest

import gpubackprop.backends.compiled
from gpubackprop import Network, check_gradients
from gpubackprop.algorithm.dropout import rates, seed
from gpubackprop.backends import threads
from tests.backends.test_recording import (
    assert_bitwise_equal,
    driven,
    kernels_of,
    mean_losses,
    recorded,
    run_epochs,
)

RATES = 0.25, 0.5, 0.125
"""Of the inputs and two hidden layers; float32 holds their scales."""


@pytest.fixture(params=["relu", "tanh", "silu"])
def dropping(request, make_problem):
    """Problems with dropout: their sigma' reads the output, which is kept apart, or Z."""

    def make(dtype="float64", **more):
        return make_problem(dtype, "Adam", True, hidden=request.param, rates=RATES, **more)

    return make


def test_replaying_equals_driving(backend, dropping):
    one, another, third = dropping(), dropping(), dropping()
    sums = driven(kernels_of(backend), one)
    assert sums == recorded(kernels_of(backend), another)
    assert_bitwise_equal(one.state(), another.state())
    losses = run_epochs(backend, third)
    assert_bitwise_equal(one.state(), third.state())
    np.testing.assert_allclose(losses, mean_losses(one, sums), rtol=1e-15)


def test_backends_and_threads_have_the_same_masks(dropping, monkeypatch):
    one, another, several = dropping(), dropping(), dropping()
    expected = run_epochs("reference", one)
    losses = run_epochs("compiled", another)
    monkeypatch.setattr(threads, "available", lambda: 2)
    monkeypatch.setattr(gpubackprop.backends.compiled, "MIN_THREAD_MACS", 1)
    monkeypatch.setattr(gpubackprop.backends.compiled, "MIN_CALL_MACS", 1)
    with threads.single_threaded_blas():
        divided = run_epochs("compiled", several)
    for found, problem in ((losses, another), (divided, several)):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        np.testing.assert_allclose(problem.net.theta, one.net.theta, rtol=0, atol=1e-11)


def trained(problem, backend, **more):
    chosen = import_module(f"gpubackprop.backends.{backend}").backend
    run = problem.epochs(chosen, **more).run
    return [run(order) for order in problem.orders]


def test_a_checkpoint_draws_the_same_masks_again(backend, dropping):
    deep = {"sizes": (7, 9, 6, 8, 5, 4)}
    one, another = (dropping(**deep) for _ in range(2))
    one.rates = another.rates = (0.25, 0.5, 0.125, 0.5, 0.25)
    assert trained(one, backend) == trained(another, backend, checkpoint=2)
    assert_bitwise_equal(one.state(), another.state())


@pytest.mark.filterwarnings("ignore:a mini-batch of 10 examples:UserWarning")
def test_parts_of_a_batch_see_their_own_rows(backend, dropping):
    one, another = (dropping(n=23, batch_size=10) for _ in range(2))
    np.testing.assert_allclose(trained(one, backend), trained(another, backend, part=3), rtol=1e-12)
    np.testing.assert_allclose(one.net.theta, another.net.theta, rtol=0, atol=1e-11)


def test_dropout_changes_what_is_learnt(backend, dropping):
    """A test of the tests above: the masks reach the weights, and those of two steps differ."""
    one, another, third = (dropping() for _ in range(3))
    another.rates = ()
    third.dropout = lambda memory, make=third.dropout: make(memory)._replace(seen=np.array([1]))
    losses = [trained(problem, backend) for problem in (one, another, third)]
    assert losses[0] != losses[1]
    assert losses[0] != losses[2]


@pytest.mark.parametrize(
    ("dropout", "hidden", "found"),
    [
        (0.0, 2, (0, 0, 0)),
        (0.5, 2, (0, 0.5, 0.5)),
        ([0.25, 0, 0.5], 2, (0.25, 0, 0.5)),
        (np.array([0.25]), 0, (0.25,)),
        (0, 0, (0,)),
    ],
)
def test_rates(dropout, hidden, found):
    assert rates(dropout, hidden) == found


@pytest.mark.parametrize(
    ("dropout", "told"),
    [
        (1.0, "dropout must be of numbers from 0 to below 1, got 1.0"),
        (-0.1, "got -0.1"),
        (float("nan"), "got nan"),
        (True, "got True"),
        ("0.5", "got '0.5'"),
        ((0.5, None), "got .0.5, None."),
        (None, "got None"),
        ((0.5,), r"must have 3 rates, the inputs' first .* got \(0.5,\)"),
    ],
)
def test_rates_that_are_none(dropout, told):
    with pytest.raises(ValueError, match=told):
        rates(dropout, 2)


def test_a_rate_of_hidden_layers_needs_one():
    with pytest.raises(ValueError, match=r"the network has none; \(0.5,\) drops inputs"):
        rates(0.5, 0)


def test_a_seed_leaves_its_generator_alone():
    one, another = np.random.RandomState(3), np.random.RandomState(3)
    key = seed(one)
    assert key == seed(another)
    assert 0 <= key < 2**63
    assert one.randint(10**9) == another.randint(10**9)
    assert key != seed(one)


# the textbook's network

BATCH, TARGETS = np.random.default_rng(4).standard_normal((2, 4, 6))


@pytest.mark.parametrize(
    ("activation", "checkpoint"), [("relu", None), ("tanh", 2), ("silu", 2), ("leaky_relu", None)]
)
def test_gradients_with_the_masks_fixed(backend, activation, checkpoint):
    settings = {"dtype": "float64", "random_state": 0, "backend": backend}
    dropout = (0.25, 0.5, 0.0, 0.25)
    net = Network((4, 5, 3, 4, 4), activation, dropout=dropout, checkpoint=checkpoint, **settings)
    cache = net.forward(BATCH, seen=12)
    assert check_gradients(net, BATCH, TARGETS, seen=12).worst < 1e-6
    np.testing.assert_array_equal(cache.A[0], BATCH)
    wrong = net.backward(cache._replace(seen=13), TARGETS).weights[0]
    assert np.abs(wrong - net.backward(cache, TARGETS).weights[0]).max() > 1e-3


def test_the_masks_are_shown(backend):
    net = Network((4, 7, 5, 4), "tanh", dropout=(0.25, 0.5, 0.0), random_state=0, backend=backend)
    cache, plain = net.forward(BATCH, seen=7), net.forward(BATCH)
    M_0, M_1, M_2 = cache.masks
    assert set(np.unique(M_1)) == {0, 2}
    assert M_2 is None
    assert plain.masks == ()
    A_0 = BATCH.astype("float32") * M_0
    Z_1 = net.weights[0] @ A_0 + net.biases[0][:, None]
    np.testing.assert_allclose(cache.Z[0], Z_1, rtol=1e-5, atol=1e-6)
    Z_2 = net.weights[1] @ (cache.A[1] * M_1) + net.biases[1][:, None]
    np.testing.assert_allclose(cache.Z[1], Z_2, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(plain.Z[0], net.weights[0] @ BATCH + net.biases[0][:, None], 1e-4)


def test_a_pickled_network_has_its_masks():
    net = Network((4, 30, 4), dropout=0.5)
    for twin in (pickle.loads(pickle.dumps(net)), net.astype("float64")):
        found, expected = (each.forward(BATCH, seen=3).masks[1] for each in (twin, net))
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("dropout", "seen", "told"),
    [
        (0.0, 3, "seen=3 decides what is dropped, and this network drops nothing"),
        (0.5, -1, "seen must be a number of examples, from 0, got -1"),
        (0.5, 1.5, "seen must be a number of examples, from 0, got 1.5"),
    ],
)
def test_a_number_of_examples_that_is_none(dropout, seen, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        Network((4, 3, 4), dropout=dropout).forward(BATCH, seen=seen)
