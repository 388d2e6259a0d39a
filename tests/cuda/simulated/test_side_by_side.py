"""Fits that run at the same time are branches of one graph, and compute what they do alone."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from unittest.mock import Mock

import joblib
import numpy as np
import pytest
from sklearn.model_selection import cross_validate

from gpubackprop import MLPClassifier
from gpubackprop.backends import Backend
from gpubackprop.backends.cuda import backend as cuda_backend
from gpubackprop.backends.cuda import detection, rendezvous
from gpubackprop.backends.cuda.execution import preparing
from gpubackprop.backends.cuda.memory import DeviceMemory
from gpubackprop.backends.cuda.rendezvous import Rendezvous
from gpubackprop.kernels.calls import executed
from gpubackprop.kernels.cuda.device import CaptureError
from gpubackprop.kernels.cuda.primitives import Primitives
from tests.cuda.gpu.moved import Moved
from tests.cuda.simulated.fake_cupy import FakeGpu

BATCH, TOO_LONG = 5, 60.0
"""Rows of a mini-batch, and seconds after which a fit has waited in vain."""


class Fits:
    """Epochs of several problems, each with a device and a thread of its own."""

    def __init__(self, problems, devices, patience=TOO_LONG):
        self.meeting, self.devices = Rendezvous(patience=0.0), devices
        self._fits = [
            (problem, Moved(problem, self._backend(device)))
            for problem, device in zip(problems, devices, strict=True)
        ]
        self._losses = [[moved.epochs.run(p.orders[0])] for p, moved in self._fits]
        for device in devices:
            device.replayed = 0
        self.meeting.patience = patience  # all have come once

    def _backend(self, device):
        primitives = Primitives(device)
        prepare = preparing(primitives, device, self.meeting)
        return Backend("cuda", executed(primitives), DeviceMemory(device), nullcontext, prepare)

    def train(self, epochs):
        """Run as many more epochs of each as are given; return losses and numbers."""
        with ThreadPoolExecutor(len(self._fits)) as pool:
            waiting = [pool.submit(self._of_one, *fit) for fit in enumerate(epochs)]
            return [fit.result(TOO_LONG) for fit in waiting]

    def _of_one(self, index, epochs):
        problem, moved = self._fits[index]
        try:
            losses = [moved.epochs.run(order) for order in problem.orders[1 : 1 + epochs]]
        finally:
            self.meeting.leave(self.devices[index])
        return self._losses[index] + losses, moved.state()

    def step(self, index):
        """The recorded step of a fit's whole batches."""
        moved = self._fits[index][1]
        return moved.epochs._runs[0][0]._step

    def state(self, index):
        """Every number of a fit that training changes."""
        return self._fits[index][1].state()

    @property
    def launches(self):
        return sum(device.replayed for device in self.devices)


def late_devices(count):
    """Devices that do nothing before somebody waits for them."""
    return [FakeGpu(late=True) for _ in range(count)]


def assert_same_bits(found, expected):
    for (losses, state), (other_losses, other_state) in zip(found, expected, strict=True):
        assert losses == other_losses
        for a, b in zip(state, other_state, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.fixture
def made(make_problem):
    """Make problems of these optimizers and rows."""

    def make(rows=(13, 13, 13), optimizers=("Adam", "momentum", "Adam")):
        shapes = [{"n": n, "batch_size": BATCH, "sizes": (4, 3, 2)} for n in rows]
        return [
            make_problem("float32", optimizer, False, **shape)
            for optimizer, shape in zip(optimizers, shapes, strict=True)
        ]

    return make


def alone(problems, epochs):
    return [Fits([p], late_devices(1)).train([n])[0] for p, n in zip(problems, epochs, strict=True)]


def test_batches_of_three_fits_are_one_launch(made):
    epochs = [2, 2, 2]
    fits = Fits(made(), late_devices(3))
    found = fits.train(epochs)
    assert fits.launches == 2 * 3  # two whole batches and a tail
    assert_same_bits(found, alone(made(), epochs))


def test_what_one_fit_has_more_of_runs_by_itself(made):
    epochs, rows = [2, 2, 2], (13, 23, 18)
    fits = Fits(made(rows), late_devices(3))
    found = fits.train(epochs)
    assert fits.launches == 2 * (2 + (4 - 2) + (3 - 2) + 1)
    assert_same_bits(found, alone(made(rows), epochs))


def test_nobody_waits_for_a_fit_that_is_over(made):
    epochs = [1, 3, 2]
    fits = Fits(made(), late_devices(3))
    found = fits.train(epochs)
    assert fits.launches == 3 * 3
    assert_same_bits(found, alone(made(), epochs))


def test_nobody_waits_for_long(made):
    fits = Fits(made(), late_devices(3), patience=0.0)
    found = fits.train([2, 0, 0])  # the others do not say that they are over before they run
    assert_same_bits(found, alone(made(), [2, 0, 0]))


def test_fits_that_cannot_be_one_graph_are_one_each(made, caplog):
    def refuse(device):
        whole = device.capture

        def capture(launches, beside=()):
            if beside:
                raise CaptureError("one stream at a time")
            return whole(launches)

        device.capture = capture
        return device

    fits = Fits(made(), [refuse(device) for device in late_devices(3)])
    with caplog.at_level(logging.WARNING, "gpubackprop"):
        found = fits.train([2, 2, 2])
    assert fits.launches == 2 * 3 * 3
    assert "one stream at a time" in caplog.text
    assert_same_bits(found, alone(made(), [2, 2, 2]))


def test_a_launch_that_fails_is_told_in_every_fit(made):
    def fail():
        raise RuntimeError("an illegal memory access was encountered")

    fits = Fits(made(), late_devices(3))
    for device in fits.devices:
        device.stream.queue = lambda work: fail()
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(fits._of_one, index, 1) for index in range(3)]
        told = [str(fit.exception(TOO_LONG)) for fit in waiting]
    assert told == ["an illegal memory access was encountered"] * 3


@pytest.mark.parametrize("failing", [0, 1])
def test_what_has_run_does_not_run_again_where_a_launch_fails(made, failing):
    """The one fit has more batches than the other, and fails in those it runs by itself."""
    rows = [(23, 13), (13, 23)][failing]
    fits = Fits(made(rows, ("Adam", "Adam")), late_devices(2))
    whole_batches = fits.step(failing)
    whole_batches.run = Mock(side_effect=MemoryError("no room for a launch"))
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(fits._of_one, index, 1) for index in range(2)]
        assert str(waiting[failing].exception(TOO_LONG)) == "no room for a launch"
        found = waiting[1 - failing].result(TOO_LONG)
    assert_same_bits([found], alone(made(rows, ("Adam", "Adam")), [1, 1])[1 - failing :][:1])


def test_nobody_runs_the_batches_of_a_fit_that_has_failed(made, monkeypatch):
    failing, captured = [MemoryError("no room for a launch")], rendezvous.captured

    def fails_once(first, others):
        run = captured(first, others)

        def launch():
            if failing:
                raise failing.pop()
            run()

        return launch

    monkeypatch.setattr(rendezvous, "captured", fails_once)
    fits = Fits(made(), late_devices(3))
    before = [fits.state(index) for index in range(3)]
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(fits._of_one, index, 1) for index in range(3)]
        told = [fit.exception(TOO_LONG) for fit in waiting]
    (failed,) = (index for index, error in enumerate(told) if error)
    assert_same_bits([([], fits.state(failed))], [([], before[failed])])
    for index, expected in enumerate(alone(made(), [1, 1, 1])):
        if index != failed:
            assert_same_bits([waiting[index].result()], [expected])


def test_fits_of_a_search_meet(monkeypatch):
    own, meeting, both = threading.local(), Rendezvous(patience=0.0), threading.Barrier(2)

    def gpu(index):
        return vars(own).setdefault("gpu", FakeGpu(late=True))

    def wait_for_the_other(model, record):
        if record.epoch == 1:  # both have come once
            both.wait(TOO_LONG)
            meeting.patience = TOO_LONG

    monkeypatch.setattr(detection, "require", lambda index: None)
    monkeypatch.setattr(cuda_backend, "gpu", gpu)
    monkeypatch.setattr(cuda_backend, "of_gpu", lambda index: meeting)
    beside = Mock(wraps=rendezvous.captured)
    monkeypatch.setattr(rendezvous, "captured", beside)
    X = np.random.default_rng(0).standard_normal((24, 3)).astype(np.float32)
    y = np.arange(24) % 2
    settings = {"batch_size": 4, "random_state": 0, "device": "cuda"}
    settings |= {"tol": 1e9, "n_iter_no_change": 1}  # ends by itself, after three epochs

    def validated(*callbacks):
        model = MLPClassifier((3,), callbacks=callbacks, **settings)
        return cross_validate(model, X, y, cv=2, return_estimator=True)["estimator"]

    expected = validated()
    with joblib.parallel_config("gpubackprop", n_jobs=2):
        found = validated(wait_for_the_other)
    assert beside.call_count == 1
    for one, other in zip(found, expected, strict=True):
        assert one.loss_curve_ == other.loss_curve_
        for a, b in zip(one.coefs_, other.coefs_, strict=True):
            np.testing.assert_array_equal(a, b)
