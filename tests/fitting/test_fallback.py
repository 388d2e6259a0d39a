"""A GPU that fails: before training the CPU takes over, in the midst the last epoch is left."""

import logging
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import pytest

from gpubackprop import MLPRegressor, Network, backends
from gpubackprop.algorithm.memory import Host, matrix
from gpubackprop.backends import Backend, Work, compiled
from gpubackprop.backends.backend import Run, Step
from gpubackprop.fitting import prediction
from gpubackprop.training.memory_plan import Sizes

from .agreement import TASKS, Params, said

BASE: Params = {"hidden_layer_sizes": (6,), "batch_size": 8, "random_state": 0, "max_iter": 5}
X, y = TASKS["regression"].X, TASKS["regression"].y
SOLVERS = ["adam", "sgd", "lbfgs"]
ERRORS = [
    MemoryError("Out of memory allocating 33,554,432 bytes"),
    FileNotFoundError("libcublas.so.13"),
    RuntimeError("cudaErrorMemoryAllocation: out of memory"),
]


class Staged(NamedTuple):
    """Rows that are read where they were put."""

    host: tuple[Any, ...]

    @property
    def device(self) -> tuple[Any, ...]:
        return self.host

    def wait(self) -> None: ...

    def send(self, rows: int) -> None: ...

    def release(self) -> None: ...


class Fragile(Host):
    """Memory of a GPU, by its rules."""

    keeps_epoch = True
    broken = False

    def zeros(self, size: int, dtype: Any) -> Any:
        if self.broken:
            raise ERRORS[0]
        return super().zeros(size, dtype)

    def staging(self, rows: int, widths: tuple[int, ...], dtype: Any) -> Any:
        return Staged(tuple(matrix(rows, width, dtype, self) for width in widths))


class Gpu:
    """A GPU that the CPU plays, and that fails when it is told to."""

    def __init__(self) -> None:
        self.memory, self.sessions, self.asked = Fragile(), 0, list[Work]()
        self.refuses: Exception | None = None
        self.fails_in: int | None = None

    def worth(self, work: Work) -> bool:
        self.asked.append(work)
        return True

    def backend(self, index: int, rounding: Any) -> Backend:
        if self.refuses:
            raise self.refuses
        played = compiled.backend._replace(name="cuda", memory=self.memory, prepare=self.prepare)
        return played._replace(session=self.session)

    @contextmanager
    def session(self) -> Iterator[None]:
        self.sessions += 1
        try:
            with compiled.backend.session():
                yield
        finally:
            self.sessions -= 1

    def prepare(self, step: Step, multiply_adds: int) -> Run:
        """Make a step that fails in the epoch `fails_in`."""
        run, calls = compiled.backend.prepare(step, multiply_adds), iter(range(1, 1000))

        def failing(repeats: int) -> None:
            run(repeats)
            if next(calls) == self.fails_in:
                raise ERRORS[0]

        return failing


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    """A GPU that is there and worth all work."""
    gpu = Gpu()
    monkeypatch.setattr(backends, "_gpu", gpu.backend)
    monkeypatch.setattr(backends, "_gpu_is_worth_it", gpu.worth)
    return gpu


def _model(method: str = "fit", device: str = "auto", **parameters: Any) -> MLPRegressor:
    model = MLPRegressor(**{**BASE, **parameters}, device=device)
    said(getattr(model, method), X, y)
    return model


def _assert_same(ours: Any, expected: Any) -> None:
    for a, b in zip(
        ours.coefs_ + ours.intercepts_, expected.coefs_ + expected.intercepts_, strict=True
    ):
        np.testing.assert_array_equal(a, b)
    assert ours.n_iter_ == expected.n_iter_


# before training


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_gpu_that_cannot_be_had(
    gpu: Gpu, solver: str, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    gpu.refuses = error
    with caplog.at_level(logging.WARNING, "gpubackprop"):
        ours = _model(solver=solver)
    _assert_same(ours, _model(solver=solver, device="cpu"))
    assert f"the CPU takes over: {error}" in caplog.text
    with pytest.raises(type(error)):
        _model(solver=solver, device="cuda")


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_gpu_without_room(gpu: Gpu, solver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu.memory.broken = True
    sessions = []
    prepare = compiled.backend.prepare

    def of_the_cpu(step: Step, multiply_adds: int) -> Run:
        sessions.append(gpu.sessions)
        return prepare(step, multiply_adds)

    cpu = compiled.backend._replace(prepare=of_the_cpu)
    monkeypatch.setattr(backends, "select", lambda *_: cpu)
    ours = _model(solver=solver)
    assert set(sessions) == {0}  # the GPU was left before the CPU began
    monkeypatch.undo()
    _assert_same(ours, _model(solver=solver, device="cpu"))


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_gpu_asked_for_by_name_without_room(gpu: Gpu, solver: str) -> None:
    gpu.memory.broken = True
    with pytest.raises(MemoryError):
        _model(solver=solver, device="cuda")


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_gpu_that_works_is_used(gpu: Gpu, solver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "select", None)
    model = MLPRegressor(**BASE, solver=solver)
    monkeypatch.setattr(model, "_validate_params", lambda: None)  # it selects, to check names
    said(model.fit, X, y)
    assert gpu.sessions == 0


def test_nobody_is_told_how_a_gpu_would_have_divided_the_work(
    gpu: Gpu, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(step: Step, multiply_adds: int) -> Run:
        raise ERRORS[1]

    parameters = 6 * (X.shape[1] + 1) + 7
    room = (64 << 20) + 5 * 8 * parameters + 2000  # of a batch of 8, some parts
    monkeypatch.setattr(gpu.memory, "available", lambda: room)
    divided = [words for _, words in said(MLPRegressor(**BASE, device="cuda").fit, X, y)]
    assert "does not fit the GPU's memory" in divided[0]
    monkeypatch.setattr(gpu, "prepare", absent)
    assert [words for _, words in said(MLPRegressor(**BASE).fit, X, y)] == divided[1:]


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> Any:
    """More rows than scikit-learn's own code predicts."""
    monkeypatch.setattr(prediction, "FEW_BYTES", 0)
    return np.tile(X, (prediction.BLOCK_ROWS // len(X) + 2, 1))


@pytest.mark.parametrize("device", ["auto", "cuda"])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_predictions_of_a_gpu_that_cannot_be_had(
    gpu: Gpu, device: str, error: Exception, many: Any
) -> None:
    model = _model(device="cpu")
    expected = model.predict(many)
    model.device, gpu.refuses = device, error
    np.testing.assert_array_equal(model.predict(many), expected)


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_predictions_of_a_gpu_without_room(
    gpu: Gpu, device: str, many: Any, caplog: pytest.LogCaptureFixture
) -> None:
    model = _model(device="cpu")
    expected = model.predict(many)
    model.device, gpu.memory.broken = device, True
    np.testing.assert_array_equal(model.predict(many), expected)
    assert "the CPU predicts: Out of memory" in caplog.text


def test_a_network_is_opened_where_its_gpu_has_no_room(gpu: Gpu) -> None:
    net = Network((3, 2), device="cuda", random_state=0)
    stored, gpu.refuses = pickle.dumps(net), ERRORS[0]
    np.testing.assert_array_equal(pickle.loads(stored).theta, net.theta)


def test_rows_that_lie_on_the_gpu_are_not_counted_for_lbfgs(
    gpu: Gpu, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = Sizes((X.shape[1], 6, 1), X.dtype, gpu.memory)
    there = 2 * sizes.parameters + sizes.workspace(len(X)) + sizes.targets(len(X)) + (64 << 20)
    monkeypatch.setattr(gpu.memory, "available", lambda: there)
    with pytest.raises(MemoryError, match="all rows at once"):
        MLPRegressor(**BASE, solver="lbfgs", device="cuda").fit(X, y)
    monkeypatch.setattr(gpu.memory, "holds", lambda array: True)
    _model(solver="lbfgs", device="cuda")


def test_one_epoch_is_all_that_partial_fit_counts(gpu: Gpu) -> None:
    for method in ("fit", "partial_fit"):
        _model(method)
    fit, partial_fit = gpu.asked
    assert fit.multiply_adds == partial_fit.multiply_adds
    assert fit.batches == BASE["max_iter"] * -(-len(X) // 8) == 5 * partial_fit.batches


# in the midst


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("epoch", [2, 5])
def test_the_last_epoch_is_left(gpu: Gpu, solver: str, epoch: int) -> None:
    gpu.fails_in = epoch
    model = MLPRegressor(**BASE, solver=solver)
    with pytest.raises(MemoryError):
        model.fit(X, y)
    stopped = _model(solver=solver, device="cpu", max_iter=epoch - 1)
    _assert_same(model, stopped)
    model.device = "cpu"  # and goes on from there as if nothing had been
    for each in (model, stopped):
        each._random_state = np.random.RandomState(0)
        said(each.partial_fit, X, y)
    _assert_same(model, stopped)


def test_partial_fit_leaves_the_model_as_it_was(gpu: Gpu) -> None:
    model = _model("partial_fit", device="cpu")
    before = [W.copy() for W in model.coefs_ + model.intercepts_]
    model.device, gpu.fails_in = "cuda", 1
    with pytest.raises(MemoryError):
        model.partial_fit(X, y)
    for array, kept in zip(model.coefs_ + model.intercepts_, before, strict=True):
        np.testing.assert_array_equal(array, kept)
    assert model._optimizer.t == -(-len(X) // 8)
