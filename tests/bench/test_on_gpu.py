"""The GPU benchmark: bytes, ratios, which launches are timed, errors against float64."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from gpubackprop import MLPClassifier
from gpubackprop.algorithm.memory import HOST
from gpubackprop.backends import select
from gpubackprop.backends.cuda.memory import DeviceMemory
from gpubackprop.bench.on_gpu import host_time, kernels, precision, step
from gpubackprop.bench.on_gpu.passes import OUTPUTS, PASSES, Room
from gpubackprop.bench.on_gpu.training import Training
from gpubackprop.bench.options import Options
from gpubackprop.bench.problems import PROBLEMS
from gpubackprop.bench.processes import own_process
from gpubackprop.bench.start import parameters
from gpubackprop.kernels.cuda.primitives import Primitives
from gpubackprop.kernels.formulas import Activation, Loss
from gpubackprop.kernels.kernel import Launch
from tests.bench.in_this_process import InThisProcess

ROWS, COLUMNS = 10, 8
MATRIX, ROW, COLUMN = 4 * ROWS * COLUMNS, 4 * COLUMNS, 4 * ROWS
MOVED = {
    "gather": 2 * MATRIX + 8 * ROWS,
    "bias + relu": 2 * MATRIX + ROW,
    "bias + softmax": 2 * MATRIX + ROW,
    "hidden delta + bias gradient, tanh": 3 * MATRIX + ROW,
    "bias gradient": MATRIX + ROW,
    "output delta, cross-entropy": 3 * MATRIX + COLUMN + ROW,
    "output layer, softmax and cross-entropy": 4 * MATRIX + COLUMN + 2 * ROW,
    "normalize": 2 * COLUMN,
    "add": 3 * MATRIX,
    "SGD": 5 * MATRIX,
    "Adam": 7 * MATRIX,
}


def drawn(*shape):
    return np.random.default_rng(0).uniform(0.1, 0.9, shape).astype(np.float32)


ROOM = Room(drawn, HOST, ROWS, COLUMNS)
EVERY = {**PASSES, **OUTPUTS}


@pytest.mark.parametrize(("name", "moved"), MOVED.items())
def test_bytes_that_a_pass_must_move(name, moved):
    assert EVERY[name](ROOM).bytes == moved


@pytest.mark.parametrize("name", EVERY)
def test_a_pass_is_what_a_primitive_takes_and_does(name):
    """Its arguments are the primitive's own; what the CPU's primitive writes counts as moved."""
    each = EVERY[name](ROOM)
    before = [array.copy() for array in each.moved]
    in_steps(each, select("reference", "cpu").kernels)
    changed = [
        not np.array_equal(array, old) for array, old in zip(each.moved, before, strict=True)
    ]
    assert any(changed)


def in_steps(each, k):
    """Do on the CPU what a pass does, one primitive of the protocol after the other."""
    if each.primitive == "softmax_output_layer":
        A, W, b, out, Y, share, delta, total, grad_b = each.arguments
        k.dense(A, W, b, Activation.SOFTMAX, out, out)
        k.output_delta(out, Y, share, Activation.SOFTMAX, Loss.CROSS_ENTROPY, delta, total)
        k.bias_grad(delta, grad_b)
    elif each.primitive.endswith("_and_bias_grad"):
        getattr(k, each.primitive.removesuffix("_and_bias_grad"))(*each.arguments[:-1])
    else:
        getattr(k, each.primitive)(*each.arguments)


def test_rows_lie_as_far_apart_as_in_training(fake):
    """Ten columns of float32 take the room of twelve; only ten have to be moved."""
    matrix = Room(drawn, DeviceMemory(fake), ROWS, 10).matrix()
    assert matrix.shape == (ROWS, 10)
    assert matrix.strides == (48, 4)
    assert matrix.nbytes == 4 * ROWS * 10


@pytest.mark.parametrize("name", EVERY)
def test_products_are_not_timed(fake, name):
    products = []
    fake.product = lambda *operands: Launch("product", lambda: products.append(operands), ())
    kernels.launched(EVERY[name](ROOM), Primitives(fake)).run()
    assert fake.launched
    assert not products


@pytest.mark.parametrize("case", kernels.SECTION.cases(Options()))
def test_a_pass_is_timed_beside_the_copy_of_its_bytes(fake, case):
    figures = kernels.measure(case, fake, quick=True)
    launches = len(set(fake.launched) - {"copy"})
    assert figures["seconds"]["copy"] == pytest.approx([1.0] * kernels.ROUNDS)
    assert figures["seconds"]["pass"] == pytest.approx([2.0 * launches] * kernels.ROUNDS)
    assert figures["ratio"].median == pytest.approx(0.5 / launches)
    *_, last = kernels.cells(figures)
    assert last.endswith(">= 0.9 MISSED")


def test_buffers_are_rotated_until_the_cache_has_forgotten_them():
    assert kernels.sets_beyond(cache=50, moved=1000) == 2
    assert kernels.sets_beyond(cache=50, moved=30) == 4
    assert kernels.rotated(list("abc")) == list("abc" * 4)
    assert kernels.rotated(list("x" * 30)) == list("x" * 30)


def test_the_process_that_measures_is_given_a_gpu(monkeypatch):
    monkeypatch.setattr(own_process, "Restarted", InThisProcess)
    monkeypatch.setattr("gpubackprop.kernels.cuda.gpu.gpu", lambda index: f"GPU {index}")
    monkeypatch.setattr(step, "measure", lambda case, gpu, quick: [case, gpu, quick])
    with step.SECTION.measuring(Options(quick=True)) as measure:
        assert measure("1024") == ["1024", "GPU 0", True]


# training, on the CPU's backend


@pytest.fixture
def on_cpu(monkeypatch):
    for module in (step, host_time, precision):
        chosen = lambda backend, device, precision="auto": select("compiled", "cpu", precision)  # noqa: E731
        monkeypatch.setattr(module, "select", chosen)


def test_the_step_and_its_products_are_timed_in_turn(fake, on_cpu):
    fake.cupy.cuda.get_elapsed_time = lambda start, end: 5.0
    figures = step.measure("1024", fake, quick=True)
    assert figures["ratio"] == (1, 1, 1)
    assert figures["seconds"]["step"] == [0.005 / step.STEPS] * step.ROUNDS
    assert step.cells(figures)[0] == "1024"
    assert "<= 1.1 met" in step.cells(figures)[-1]


@pytest.mark.parametrize("batch", [1024, 4096])
def test_the_steps_problem_has_no_tail(batch):
    problem = step.of_batch(batch, quick=False)
    assert problem.rows % batch == 0
    assert problem.layer_sizes == (1024, 2048, 2048, 10)


def test_the_hosts_time_is_that_of_queueing(fake, on_cpu):
    figures = host_time.measure("tiny", fake, quick=True)
    assert len(figures["queued"]) == len(figures["done"]) == host_time.ROUNDS
    assert all(q <= d for q, d in zip(figures["queued"], figures["done"], strict=True))
    assert len(host_time.cells(figures)) == len(host_time.SECTION.header)


def test_errors_of_a_precision_are_against_float64(fake, on_cpu):
    fake.cupy.cuda.get_elapsed_time = lambda start, end: 5.0
    exact, found = (precision.measure(p, fake, quick=True) for p in ("float64", "float32"))
    assert exact["error"] == {"product": 0, "gradient": 0, "loss": 0}
    assert all(0 < error < 1e-5 for error in found["error"].values())
    assert len(precision.cells(found)) == len(precision.SECTION.header)
    assert precision.conclusions([exact, found]) == ["float32 / float64: 1.00"]
    assert precision.conclusions([exact]) == []


def test_the_losses_of_an_epoch_are_the_estimators():
    problem = step.of_batch(0, quick=True)
    backend = select("reference", "cpu")
    training = Training(problem, "float64", backend, steps=2)
    training.run(2)
    model = MLPClassifier(max_iter=1, backend="reference", **parameters(problem, "relu"))
    with pytest.warns(ConvergenceWarning):
        model.fit(*problem.data("float64"))
    assert training.loss() / 2 == pytest.approx(model.loss_curve_[0], rel=1e-12)


def test_no_more_steps_than_there_are_rows_for():
    problem = step.of_batch(0, quick=True)
    training = Training(problem, "float32", select("compiled", "cpu"), steps=3)
    training.run(3)
    with pytest.raises(ValueError, match="more steps"):
        training.run(1)


def test_a_prepared_step_finds_the_same_gradient_on_every_backend():
    problem = PROBLEMS["digits"].smallest()._replace(batch=25)
    gradients = []
    for backend in ("compiled", "reference"):
        training = Training(problem, "float64", select(backend, "cpu"), steps=2)
        training.run(2)
        gradients.append(training.gradient())
    assert np.any(gradients[0])
    assert precision.relative_error(*gradients) < 1e-12
