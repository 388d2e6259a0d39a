"""Epochs in one call leave what epochs one after the other leave, bit by bit."""

from importlib import import_module

import numpy as np
import pytest

from gpubackprop.backends import compiled, threads
from gpubackprop.training.epoch_series import EpochSeries

EPOCHS = 9


def made(problem, backend="compiled"):
    return problem.epochs(import_module(f"gpubackprop.backends.{backend}").backend)


def orders_of(problem):
    return [problem.orders[epoch % len(problem.orders)] for epoch in range(EPOCHS)]


def run_in_calls(epochs, orders, at_once):
    """Run the epochs in as few calls as may be; return losses, and how many were in each call."""
    coming, losses, calls = iter(orders), [], []
    while len(losses) < len(orders):
        epochs._series.at_once = at_once
        losses += (found := epochs.run_some(coming))
        calls.append(len(found))
    return losses, calls


SHAPES = [{}, {"n": 20}, {"n": 5}, {"n": 3}, {"rates": (0.2, 0.5)}, {"n": 1, "batch_size": 1}]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("at_once", [1, 2, 4, 100])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_same_bits(dtype, make_problem, optimizer, weighted, at_once, shape):
    problems = [make_problem(dtype, optimizer, weighted, **shape) for _ in range(2)]
    single, series = (made(problem) for problem in problems)
    orders = orders_of(problems[0])
    expected = [single.run(order) for order in orders]
    losses, calls = run_in_calls(series, orders, at_once)
    assert losses == expected
    assert max(calls) == min(at_once, EPOCHS)
    for mine, other in zip(*(problem.state() for problem in problems), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_the_penalty_may_change_between_two_calls(make_problem):
    problems = [make_problem("float64", "Adam", False) for _ in range(2)]
    single, series = (made(problem) for problem in problems)
    orders, losses = orders_of(problems[0]), []
    for alpha in (0.0, 1.0):
        single.penalize(alpha)
        series.penalize(alpha)
        losses.append([single.run(order) for order in orders])
        assert run_in_calls(series, orders, EPOCHS)[0] == losses[-1]
    assert losses[0] != losses[1]


def test_no_order_is_drawn_that_is_not_run(make_problem):
    problem = make_problem("float32", "Adam", False)
    epochs, drawn = made(problem), []
    coming = (drawn.append(order) or order for order in orders_of(problem))
    epochs._series.at_once = 3
    assert len(epochs.run_some(coming)) == len(drawn) == 3


def test_a_call_takes_no_longer_than_an_interrupt_may_wait(make_problem):
    series = made(make_problem("float32", "Adam", False))._series
    assert series.at_once == 0
    room = len(series._tally.kept)
    for seconds, epochs in ((0.005, 4), (0.03, 0), (0.01, 2), (1e-9, room), (0.0, room)):
        series.pace(seconds)
        assert series.at_once == epochs


def test_an_epoch_that_takes_long_is_cut_into_batches(make_problem, monkeypatch):
    problem = make_problem("float32", "Adam", False)
    epochs = made(problem)
    monkeypatch.setattr(EpochSeries, "run", None)
    for order in problem.orders:
        epochs._series.at_once = 0
        assert len(epochs.run_some(iter([order]))) == 1


def test_python_leads_where_it_has_to(make_problem, monkeypatch):
    assert made(make_problem("float32", "Adam", False), "reference")._series is None
    weighted = make_problem("float32", "Adam", True)
    weighted.weight[0] = 0
    assert made(weighted)._series is None  # a batch may have no weight, which is an error
    monkeypatch.setattr(threads, "available", lambda: 2)
    monkeypatch.setattr(compiled, "MIN_THREAD_MACS", 1)
    monkeypatch.setattr(compiled, "MIN_CALL_MACS", 1)
    with threads.single_threaded_blas():
        assert made(make_problem("float32", "Adam", False))._series is None
