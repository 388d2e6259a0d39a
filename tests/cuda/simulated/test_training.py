"""The whole backend trains in the simulator, estimators included, and agrees with the CPU's."""

import logging

import numpy as np
import pytest
from sklearn.datasets import load_digits

from gpubackprop import MLPClassifier, MLPRegressor
from gpubackprop.algorithm.workspace import Workspace
from gpubackprop.backends import Backend, compiled
from gpubackprop.backends.cuda import backend as cuda_backend
from gpubackprop.backends.cuda import detection
from gpubackprop.backends.cuda.execution import preparing
from gpubackprop.backends.cuda.fusion import fuse
from gpubackprop.backends.cuda.rendezvous import Rendezvous
from gpubackprop.backends.recording import Recording
from gpubackprop.backprop import bind
from gpubackprop.kernels.calls import executed
from gpubackprop.kernels.cuda.device import CaptureError
from gpubackprop.kernels.cuda.primitives import Primitives
from gpubackprop.training.memory_plan import Sizes
from tests.conftest import OPTIMIZERS
from tests.cuda.simulated.stand_in import StandIn
from tests.device_memory import StandInMemory

EPOCHS = 2
"""The tail batch runs for real in the first, and is recorded and replayed in the second."""


def stand_in_backend(device, fits=None):
    primitives, session = Primitives(device), compiled.backend.session
    prepare = preparing(primitives, device, fits or Rendezvous())
    return Backend("cuda", executed(primitives), StandInMemory(), session, prepare)


@pytest.fixture
def device():
    return StandIn()


@pytest.fixture
def on_stand_in(device, monkeypatch):
    """Let "cuda" be the stand-in."""
    made = stand_in_backend(device)
    monkeypatch.setattr(detection, "require", lambda index: None)
    monkeypatch.setattr(cuda_backend, "backend", lambda index, rounding: made)
    return device


def run_epochs(backend, problem):
    """Train in the backend's memory; return the losses and every number that training changed."""
    run = problem.epochs(backend).run
    return [run(order) for order in problem.orders[:EPOCHS]], problem.state()


@pytest.mark.parametrize(
    ("dtype", "optimizer", "weighted"),
    [*(("float32", name, True) for name in OPTIMIZERS), ("float64", "Adam", False)],
)
def test_epochs_agree_with_the_cpus(device, dtype, optimizer, weighted, make_problem):
    one, another = (make_problem(dtype, optimizer, weighted) for _ in range(2))
    losses, state = run_epochs(stand_in_backend(device), one)
    expected_losses, expected = run_epochs(compiled.backend, another)
    rtol = 200 * np.finfo(dtype).eps
    np.testing.assert_allclose(losses, expected_losses, rtol=rtol)
    for a, b in zip(state, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)
    assert device.captured == 2  # full batches and the tail


def test_dropout_has_the_cpus_masks(device, make_problem):
    settings = {"sizes": (7, 9, 6, 5, 4), "rates": (0.25, 0.5, 0.5, 0.125)}
    one, another = (make_problem("float64", "Adam", True, **settings) for _ in range(2))
    run = one.epochs(stand_in_backend(device), checkpoint=2).run
    losses = [run(order) for order in one.orders[:EPOCHS]]
    expected_losses, expected = run_epochs(compiled.backend, another)
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-12)
    for a, b in zip(one.state(), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


def test_a_schedule_and_clipping_agree_with_the_cpus(device, make_problem):
    shape = {"batch_size": 12, "sizes": (7, 5, 4)}
    one, another = (
        make_problem("float32", "NAdam, scheduled and clipped", False, **shape) for _ in range(2)
    )
    losses, state = run_epochs(stand_in_backend(device), one)
    expected_losses, expected = run_epochs(compiled.backend, another)
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-5)
    for a, b in zip(state, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(one.optimizer.norm, another.optimizer.norm, rtol=1e-5)
    assert one.optimizer.norm[0] > 0.2 * 4  # four batches whose gradients were too long


class Scarce(StandInMemory):
    """Room for the parameters, two batches of data, and three examples' activations."""

    def available(self):
        sizes = Sizes((7, 9, 6, 4), np.dtype("float32"), self)
        return 5 * sizes.parameters + sizes.workspace(3) + 2 * sizes.data(10) + (64 << 20)


def test_streamed_and_in_parts_is_the_same(device, make_problem):
    one, another = (make_problem("float32", "Adam", True, batch_size=10) for _ in range(2))
    expected = run_epochs(compiled.backend, one)
    with pytest.warns(UserWarning, match="10 examples does not fit .* in parts of 3"):
        losses, state = run_epochs(stand_in_backend(device)._replace(memory=Scarce()), another)
    np.testing.assert_allclose(losses, expected[0], rtol=2e-5)
    for a, b in zip(state, expected[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


def test_the_step_is_fused(make_problem):
    """Every bias gradient is found in the pass that writes the error."""
    recording, problem = Recording(), make_problem("float32", "Adam", False)
    ((ws, _), *_) = problem.workspaces()
    batch = [(ws, problem.net.zeros_like())]
    after = problem.optimizer, problem.ALPHA
    bind(recording.kernels).train_batch(problem.source(), problem.net, batch, *after)
    names = [call.primitive for call in fuse(recording.calls)]
    assert names == [
        *("gather", "gather", "dense", "dense", "softmax_output_layer"),
        *("weight_grad", "hidden_delta_and_bias_grad", "weight_grad"),
        *("hidden_delta_and_bias_grad", "weight_grad", "advance", "advance", "adam"),
    ]


DEEP = (7, 9, 3, 6, 5, 8, 4)


@pytest.mark.parametrize(("part", "checkpoints"), [(None, [1, "sqrt"]), (3, [2])])
@pytest.mark.filterwarnings("ignore:a mini-batch of 5 examples does not fit")
def test_a_checkpoint_changes_no_bit(device, make_problem, part, checkpoints):
    def trained(checkpoint):
        problem = make_problem("float32", "Adam", True, n=13, sizes=DEEP)
        run = problem.epochs(stand_in_backend(device), checkpoint=checkpoint, part=part).run
        return [*(run(order) for order in problem.orders[:EPOCHS]), *problem.state()]

    plain = trained(None)
    for checkpoint in checkpoints:
        for a, b in zip(plain, trained(checkpoint), strict=True):
            np.testing.assert_array_equal(a, b, f"checkpoint={checkpoint}")


def test_layers_run_again_part_no_fused_passes(make_problem):
    names = []
    problem = make_problem("float32", "Adam", False, sizes=DEEP)
    after = problem.optimizer, problem.ALPHA
    for checkpoint in (None, 3):
        recording = Recording()
        ws = Workspace.allocate(problem.net, problem.formulas, 5, checkpoint)
        batch = [(ws, problem.net.zeros_like())]
        bind(recording.kernels).train_batch(problem.source(), problem.net, batch, *after)
        names.append([call.primitive for call in fuse(recording.calls)])
    plain, sparing = names
    assert (plain.count("dense"), sparing.count("dense")) == (5, 7)
    assert [name for name in sparing if name != "dense"] == [n for n in plain if n != "dense"]


def test_a_refused_capture_is_said_and_survived(device, make_problem, caplog):
    def refuse(launches, beside):
        raise CaptureError("stream capture is not for you")

    one, another = (make_problem("float32", "momentum", False) for _ in range(2))
    expected = run_epochs(stand_in_backend(StandIn()), one)
    device.capture = refuse
    with caplog.at_level(logging.WARNING, "gpubackprop"):
        losses, state = run_epochs(stand_in_backend(device), another)
    assert "stream capture is not for you" in caplog.text
    assert losses == expected[0]
    for a, b in zip(state, expected[1], strict=True):
        np.testing.assert_array_equal(a, b)


# estimators

X, y = load_digits(return_X_y=True)
X, y = X[:90] / 16, y[:90]


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_classifier_learns_the_digits(on_stand_in, solver):
    settings = {"solver": solver, "random_state": 0, "max_iter": 2, "hidden_layer_sizes": (16,)}
    settings["batch_size"] = 64
    with pytest.warns(match="reached|ITERATIONS"):
        ours = MLPClassifier(device="cuda", **settings).fit(X, y)
    with pytest.warns(match="reached|ITERATIONS"):
        expected = MLPClassifier(device="cpu", **settings).fit(X, y)
    np.testing.assert_allclose(ours.loss_, expected.loss_, rtol=1e-12)
    for a, b in zip(ours.coefs_, expected.coefs_, strict=True):
        assert type(a) is np.ndarray
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_a_regressor_is_trained_in_the_precision_asked_for(on_stand_in):
    settings = {"random_state": 0, "max_iter": 2, "hidden_layer_sizes": (9, 5)}
    with pytest.warns(match="reached"):
        ours = MLPRegressor(device="cuda", precision="float32", **settings).fit(X[:50], y[:50])
    with pytest.warns(match="reached"):
        expected = MLPRegressor(**settings).fit(X[:50].astype(np.float32), y[:50])
    assert ours.coefs_[0].dtype == np.float32
    np.testing.assert_allclose(ours.loss_curve_, expected.loss_curve_, rtol=1e-5)
