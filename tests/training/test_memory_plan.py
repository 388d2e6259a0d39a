"""Training that does not fit is divided and computes the same, or says in numbers why not."""

import logging
import warnings
from importlib import import_module

import numpy as np
import pytest

from gpubackprop.algorithm.memory import HOST, Host
from gpubackprop.training.memory_plan import Sizes, plan
from tests.device_memory import StandInStaging

SIZES = (7, 9, 6, 4)


class Scarce(Host):
    """Memory that counts."""

    def __init__(self, room):
        self.room = room

    def available(self):
        return self.room

    def staging(self, rows, widths, dtype):
        return StandInStaging(self, rows, widths, dtype)


class Wide(Host):
    row_bytes = 16


def needs(batch_size, window=None, part=None, rows=1000, X_in_memory=False):
    """Bytes that a plan of this kind takes, in float32 and with Adam."""
    part = part or batch_size
    sizes = Sizes(SIZES, np.dtype("float32"), HOST)
    vectors = 4 + (part < batch_size)
    moved = sizes.targets if X_in_memory else sizes.data
    data = moved(rows) if window is None else 2 * moved(window)
    return vectors * sizes.parameters + sizes.workspace(part) + data + (64 << 20)


def planned(room, batch_size=100, rows=1000, X_in_memory=False):
    return plan(SIZES, rows, batch_size, "float32", 2, Scarce(room), X_in_memory)


def test_bytes_are_those_of_the_derivation():
    """sum_l d_l (d_l-1 + 1) parameters, B sum_l d_l activations and B sum_l>0 d_l errors."""
    sizes = Sizes(SIZES, np.dtype("float64"), HOST)
    assert sizes.parameters == 8 * (9 * (7 + 1) + 6 * (9 + 1) + 4 * (6 + 1))
    assert sizes.workspace(10) == 10 * (8 * ((7 + 9 + 6 + 4) + (9 + 6 + 4) + 4) + 8)


def test_rows_count_with_what_lies_between_them():
    sizes = Sizes((3, 5), np.dtype("float32"), Wide())
    assert sizes.parameters == 4 * 8 * (3 + 1)
    assert sizes.data(10) == 10 * (4 * (4 + 8) + 16)


def test_no_limit_no_division():
    assert plan(SIZES, 1000, 100, "float32", 2, HOST)[-2:] == (100, None)


def test_what_fits_is_not_divided():
    assert planned(needs(100))[-2:] == (100, None)


def test_data_that_do_not_fit_are_streamed():
    found = planned(needs(100) - 1)
    assert found.part == 100
    assert found.window == 400  # two of them, in whole batches, hold less than all
    assert found.total <= found.available


def test_of_examples_that_lie_there_only_targets_are_moved_and_nothing_is_streamed():
    """Four float32, a weight or its like in 8 bytes, and a row's number."""
    whole, halved = (needs(100, part=part, X_in_memory=True) for part in (100, 50))
    assert planned(whole, X_in_memory=True).data == 1000 * (4 * 4 + 16)
    assert planned(whole, X_in_memory=True)[-2:] == (100, None)
    assert planned(whole - 1, X_in_memory=True).part < 100
    assert planned(halved, X_in_memory=True)[-2:] == (50, None)


def test_where_a_step_may_fail_the_last_epochs_state_is_planned_for():
    """Theta and its gradient, and with Adam two moments: theta and the moments once more."""
    room = Scarce(None)
    vectors = []
    for room.keeps_epoch in (False, True):
        for moments in (1, 2):
            parameters = plan(SIZES, 1000, 100, "float32", moments, room).parameters
            vectors.append(parameters / Sizes(SIZES, np.dtype("float32"), HOST).parameters)
    assert vectors == [3, 4, 5, 7]


def test_rather_no_copies_of_the_last_epoch_than_data_in_windows_or_a_batch_in_parts():
    copies = 3 * Sizes(SIZES, np.dtype("float32"), HOST).parameters
    for less, kept in (0, True), (1, False), (copies, False):
        room = Scarce(needs(100) + copies - less)
        room.keeps_epoch = True
        found = plan(SIZES, 1000, 100, "float32", 2, room)
        assert (found.keeps_epoch, found.part, found.window) == (kept, 100, None)


def test_a_window_holds_a_batch_at_the_least():
    assert planned(needs(100, window=100))[-2:] == (100, 100)


def test_a_batch_that_does_not_fit_is_halved_until_it_does():
    assert planned(needs(100, window=100, part=25))[-2:] == (25, 100)


def test_what_fits_in_no_way_is_refused_with_the_numbers():
    with pytest.raises(MemoryError, match=r"needs 64\.\d MiB.*64\.\d MiB are free"):
        planned(needs(100, window=100, part=1) - 1)


DEEP = (6,) * 26


def planned_deep(room, checkpoint=None):
    memory = Scarce(room)
    return plan(DEEP, 1000, 100, "float32", 2, memory, X_in_memory=True, checkpoint=checkpoint)


def deep(part, checkpoint=None):
    """Bytes of so many rows at once, where the data are there."""
    sizes = Sizes(DEEP, np.dtype("float32"), HOST, checkpoint)
    vectors, moved = 4 + (part < 100), sizes.targets(1000)
    return vectors * sizes.parameters + sizes.workspace(part) + moved + (64 << 20)


def test_a_checkpoint_is_planned_with():
    found = planned_deep(deep(100, "sqrt"), "sqrt")
    assert (found.part, found.checkpoint, found.offer) == (100, "sqrt", "")
    assert found.workspace == 100 * (13 * 6 * 4 + 8)


def test_a_checkpoint_that_would_hold_the_batch_is_offered():
    found = planned_deep(deep(100, "sqrt"))
    assert found.part < 100
    assert found.offer == "; checkpoint='sqrt' would hold all at once"


def test_a_checkpoint_that_would_hold_more_of_it_is_offered():
    found = planned_deep(deep(50, "sqrt"))
    assert found.part < 50
    assert found.offer == "; checkpoint='sqrt' would hold 50 at once"


def test_a_checkpoint_that_gains_nothing_is_not_offered():
    assert planned_deep(deep(100)).offer == ""
    sizes = Sizes((7, 9, 4), np.dtype("float32"), HOST)
    room = 5 * sizes.parameters + sizes.workspace(50) + sizes.targets(1000) + (64 << 20)
    shallow = plan((7, 9, 4), 1000, 100, "float32", 2, Scarce(room), X_in_memory=True)
    assert (shallow.part, shallow.offer) == (50, "")


@pytest.mark.parametrize("checkpoint", [1, 20, "sqrt"])
def test_who_has_a_checkpoint_is_not_offered_one(checkpoint):
    found = planned_deep(deep(25, checkpoint), checkpoint)
    assert found.part == 25
    assert found.offer == ""
    with pytest.raises(MemoryError) as refused:
        planned_deep(64 << 20, checkpoint)
    assert "checkpoint" not in str(refused.value)


def test_a_refusal_says_what_a_checkpoint_would_need():
    wide = (20_000,) * 10
    sizes = Sizes(wide, np.dtype("float32"), HOST, "sqrt")
    needs = sizes.workspace(1) + sizes.targets(1)
    parameters = 4 * Sizes(wide, np.dtype("float32"), HOST).parameters
    words = f"checkpoint='sqrt' would need {(parameters + needs) / 2**20 + 64:,.1f} MiB"
    with pytest.raises(MemoryError, match=words):
        plan(wide, 1, 1, "float32", 2, Scarce(1 << 30), X_in_memory=True)


def test_a_refusal_of_a_shallow_network_offers_none():
    with pytest.raises(MemoryError) as refused:
        plan((7, 9, 4), 10, 5, "float32", 2, Scarce(64 << 20))
    assert "checkpoint" not in str(refused.value)


def test_the_warning_of_parts_offers_a_checkpoint(make_problem):
    problem = make_problem("float32", "Adam", False, n=83, batch_size=40, sizes=DEEP)
    sizes = Sizes(DEEP, np.dtype("float32"), HOST, "sqrt")
    room = 4 * sizes.parameters + sizes.workspace(40) + 2 * sizes.data(40) + (64 << 20)
    backend = backend_with("reference", Scarce(room))
    words = r"in parts of .* to rounding; checkpoint='sqrt' would hold all at once"
    with pytest.warns(UserWarning, match=words):
        problem.epochs(backend)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        problem.epochs(backend, checkpoint="sqrt")


def backend_with(name, memory):
    return import_module(f"gpubackprop.backends.{name}").backend._replace(memory=memory)


def trained(backend, problem):
    epochs = problem.epochs(backend)
    return [epochs.run(order) for order in problem.orders]


@pytest.fixture(params=[False, True], ids=["unweighted", "weighted"])
def pair(request, make_problem):
    """Two equal problems whose batches of 10 have a tail of 3."""
    return [make_problem("float64", "Adam", request.param, n=83, batch_size=10) for _ in range(2)]


def test_streaming_changes_no_bit(backend, pair, caplog):
    one, another = pair
    sizes = Sizes(SIZES, np.dtype("float64"), HOST)
    room = 4 * sizes.parameters + sizes.workspace(10) + 2 * sizes.data(20) + (64 << 20)
    expected = trained(backend_with(backend, HOST), one)
    with caplog.at_level(logging.INFO, "gpubackprop"):
        assert trained(backend_with(backend, Scarce(room)), another) == expected
    assert "20 rows at a time" in caplog.text
    for a, b in zip(one.state(), another.state(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_parts_of_a_batch_add_up_to_it(backend, pair):
    one, another = pair
    sizes = Sizes(SIZES, np.dtype("float64"), HOST)
    room = 5 * sizes.parameters + sizes.workspace(3) + 2 * sizes.data(10) + (64 << 20)
    expected = trained(backend_with(backend, HOST), one)
    with pytest.warns(UserWarning, match="10 examples does not fit .* in parts of 3"):
        losses = trained(backend_with(backend, Scarce(room)), another)
    np.testing.assert_allclose(losses, expected, rtol=1e-13)
    for a, b in zip(one.state(), another.state(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_nothing_is_said_where_all_fits(make_problem):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained(backend_with("reference", HOST), make_problem("float32", "Adam", False))


def test_rows_of_any_order_are_streamed(make_problem):
    one, another = (make_problem("float64", "Adam", False, n=83, batch_size=10) for _ in range(2))
    another.X = np.asfortranarray(another.X)
    sizes = Sizes(SIZES, np.dtype("float64"), HOST)
    room = 4 * sizes.parameters + sizes.workspace(10) + 2 * sizes.data(20) + (64 << 20)
    backend = backend_with("reference", Scarce(room))
    assert trained(backend, one) == trained(backend, another)
