"""Ranks on stand-ins of a GPU each train together as one of them does alone."""

import ctypes
import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from types import SimpleNamespace
from weakref import WeakKeyDictionary, finalize

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier as ScikitLearns

from gpubackprop import MLPClassifier, MLPRegressor, Network, accelerated, data_parallel
from gpubackprop.backends.cuda import backend as cuda_backend
from gpubackprop.backends.cuda import detection
from gpubackprop.distributed import device_group
from gpubackprop.distributed.thread_group import thread_groups
from gpubackprop.kernels.cuda.gpu import Gpu
from gpubackprop.kernels.kernel import Launch
from gpubackprop.training.dealing import Owners, Slices
from gpubackprop.training.rank_epochs import RankEpochs
from tests.cuda.simulated.stand_in import StandIn
from tests.cuda.simulated.test_training import EPOCHS, run_epochs, stand_in_backend
from tests.device_memory import StandInMemory

SMALL = {"n": 7, "batch_size": 4, "sizes": (3, 2)}


@pytest.mark.parametrize(("deals", "weighted"), [("slices", False), ("owners", True)])
def test_two_devices_train_as_one(make_problem, deals, weighted):
    shape = {**SMALL, "rates": (0.5,) if deals == "owners" else ()}
    alone = make_problem("float64", "Adam", weighted, **shape)
    losses, state = run_epochs(stand_in_backend(StandIn()), alone)

    def of_rank(group):
        problem, device = make_problem("float64", "Adam", weighted, **shape), StandIn()
        rows = np.arange(problem.n)
        mine = np.arange(problem.n) % 2 == group.index
        deal = Slices(rows, group) if deals == "slices" else Owners(np.where(mine, rows, -1), group)
        made = stand_in_backend(device), problem.net, problem.formulas, problem.optimizer
        data = problem.X, problem.Y, problem.weight, problem.ALPHA, problem.batch_size, None
        run = RankEpochs(*made, *data, deal, problem.dropout(made[0].memory)).run
        return [run(order) for order in problem.orders[:EPOCHS]], problem.state(), device.captured

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(of_rank, thread_groups(2)))
    for one_losses, one_state, captured in found:
        np.testing.assert_allclose(one_losses, losses, rtol=1e-13)
        for a, b in zip(one_state, state, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-14)
        assert captured or deals == "owners"  # whose batches differ
    for a, b in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_array_equal(a, b)


# GPUs of one process


class Communicator:
    """One of NCCL's, as CuPy has them: adds up vectors where they lie, once all ranks are there.

    Who waits stands for a GPU that waits: only an abort helps, after which it adds up nothing.
    """

    def __init__(self, index, parts, together, nccl):
        self.index, self._parts, self._together, self._nccl = index, parts, together, nccl

    def allReduce(self, source, target, size, kind, op, stream):  # noqa: N802
        assert (source, kind, op) == (target, "float64", "sum")
        vector = np.ctypeslib.as_array((ctypes.c_double * size).from_address(target))
        self._parts[self.index] = vector.copy()
        with suppress(threading.BrokenBarrierError):
            self._together.wait(TOO_LONG)
            total = sum(self._parts)
            self._together.wait(TOO_LONG)
            vector[...] = total

    def abort(self):
        self._nccl.aborted.append(self.index)
        self._together.abort()


TOO_LONG = 60.0
"""Seconds after which a test has failed in which somebody waits."""


class Nccl:
    """CuPy's module of it; connects the GPUs of one process alone."""

    available, NCCL_SUM, NCCL_FLOAT64, NcclError = True, "sum", "float64", RuntimeError

    def __init__(self):
        self.NcclCommunicator, self.asked, self.aborted, self.ended = self, [], [], []

    def initAll(self, devices):  # noqa: N802
        parts, together = [None] * len(devices), threading.Barrier(len(devices))
        self.asked.append(devices)
        made = [Communicator(index, parts, together, self) for index in range(len(devices))]
        for each in made:
            finalize(each, self.ended.append, "a connection")
        return made


class OneOfSeveral(StandIn):
    """A stand-in whose vectors the code for real GPUs adds up, by a fake NCCL."""

    stream = SimpleNamespace(ptr=0)
    all_reduce = Gpu.all_reduce

    def __init__(self, index, nccl):
        super().__init__(seed=index)
        self.index, self.cupy = index, SimpleNamespace(cuda=SimpleNamespace(nccl=nccl))
        self._connected, self.thread = WeakKeyDictionary(), threading.get_ident()
        self.graphs, self._ended = [], nccl.ended

    def capture(self, launches, beside=()):
        self.graphs.append([launch.name for launch in launches])
        graph = partial(super().capture(launches, beside).run)
        finalize(graph, self._ended.append, "a graph")
        return Launch("graph", graph, tuple(launches))


class Box:
    """A machine with three GPUs."""

    def __init__(self):
        self.nccl, self.used, self.memory = Nccl(), [], {}

    def backend(self, index, rounding):
        device = OneOfSeveral(index, self.nccl)
        self.used.append(device)
        made = stand_in_backend(device)
        return made._replace(memory=self.memory.get(index, made.memory))


@pytest.fixture
def box(monkeypatch):
    made, there = Box(), detection.Status(True, "works")
    missing = detection.Status(False, "there is no such device, only 0 to 2")
    monkeypatch.setattr(detection, "status", lambda index=0: there if index < 3 else missing)
    monkeypatch.setattr(cuda_backend, "backend", made.backend)
    monkeypatch.setattr(device_group, "PATIENCE_SECONDS", 0.3)
    before = threading.enumerate()
    yield made
    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:  # those that have ended a connection end by themselves
        thread.join(60)
    assert not any(thread.is_alive() for thread in left)


X = np.random.RandomState(0).randn(22, 3)
y = np.digitize(X[:, 0], [-0.4, 0.4])
FEW = {"hidden_layer_sizes": (4,), "max_iter": 2, "batch_size": 16, "random_state": 0}
several = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def weights(model):
    return np.concatenate([w.ravel() for w in model.coefs_ + model.intercepts_])


def assert_as_one(model, one):
    np.testing.assert_allclose(weights(model), weights(one), rtol=1e-12, atol=1e-14)
    assert model.n_iter_ == one.n_iter_


@several
@pytest.mark.parametrize("settings", [{"early_stopping": True}, {"solver": "lbfgs"}])
def test_two_gpus_of_a_process_train_as_one(box, settings):
    one = MLPClassifier(device="cuda:0", **FEW, **settings).fit(X, y)
    box.used.clear()
    model = MLPClassifier(device="cuda:2,0", **FEW, **settings).fit(X, y)
    assert_as_one(model, one)
    assert model.loss_ == pytest.approx(one.loss_, rel=1e-12)
    own = {device.thread: device.index for device in box.used}
    assert own[threading.get_ident()] == 2
    assert sorted(own.values()) == [0, 2]  # neither thread has used the other's
    if "early_stopping" in settings:
        assert model.validation_scores_ == one.validation_scores_
        assert box.nccl.asked == [[2, 0]]
        summed = [graph.count("all_reduce") for device in box.used for graph in device.graphs]
        assert summed == [1] * len(summed)
        assert len(summed) == 4  # full batches and the tail, on each


@several
def test_a_stream_on_two_gpus_goes_on(box):
    def stream(device):
        model = MLPRegressor(device=device, **FEW)
        return model.partial_fit(X, X[:, 0]).partial_fit(X[:17], X[:17, 1])

    assert_as_one(stream("cuda:0,1"), stream("cuda:0"))


@several
def test_scikit_learns_own_class_on_two_gpus(box, monkeypatch):
    one = ScikitLearns(**FEW).fit(X, y)
    monkeypatch.setenv("GPUBACKPROP_DEVICE", "cuda:0,1")
    with accelerated():
        model = ScikitLearns(**FEW).fit(X, y)
    assert_as_one(model, one)
    assert [device.index for device in box.used].count(1) == 1


def test_what_a_callback_raises_ends_all_gpus(box):
    def stumble(estimator, record):
        if record.epoch == 2:
            raise ArithmeticError("in a callback")

    with pytest.raises(ArithmeticError, match="in a callback"):
        MLPClassifier(device="cuda:0,1", callbacks=stumble, **FEW).fit(X, y)
    gc.collect()  # frames of the error hold each other
    # NCCL waits for a connection's graphs as the connection ends
    assert box.nccl.ended == ["a graph"] * 4 + ["a connection"] * 2


def test_a_gpu_without_room_is_told_of(box):
    class Full(StandInMemory):
        def available(self):
            return 0

    box.memory[1] = Full()
    with pytest.raises(MemoryError, match="out of memory: training needs"):
        MLPClassifier(device="cuda:0,1", **FEW).fit(X, y)


def test_a_gpu_that_fails_lets_the_other_go(box, monkeypatch):
    """The first one's GPU waits for a sum that the second one never begins."""
    real = OneOfSeveral.launch

    def launch(self, kernel, *arguments):
        made = real(self, kernel, *arguments)
        fails = self.index == 1 and made.name.startswith("adam")
        return Launch(made.name, fail, ()) if fails else made

    def fail():
        raise OSError("an illegal memory access was encountered")

    monkeypatch.setattr(OneOfSeveral, "launch", launch)
    with pytest.raises(OSError, match="illegal memory access"):
        MLPClassifier(device="cuda:0,1", **{**FEW, "batch_size": 4}).fit(X, y)
    assert sorted(box.nccl.aborted) == [0, 1]


def test_an_interrupt_keeps_what_was_trained(box):
    def interrupt(estimator, record):
        if record.epoch == 2:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted by user"):
        model = MLPClassifier(device="cuda:0,1", callbacks=interrupt, **FEW).fit(X, y)
    assert model.n_iter_ == 2


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("cuda:0,7", "device='cuda:0,7': there is no such device, only 0 to 2"),
        ("cuda:0,0", "each number once, got 'cuda:0,0'"),
    ],
)
def test_gpus_that_there_are_not(box, device, message):
    with pytest.raises((ValueError, RuntimeError), match=message):
        MLPClassifier(device=device).fit(X, y)


def test_several_gpus_are_for_a_process_alone(box):
    def of_rank(group):
        expected = pytest.raises(ValueError, match="must be 'cuda' or 'cuda:N', got 'cuda:0,1'")
        with expected, data_parallel(group):
            MLPClassifier(device="cuda:0,1", **FEW).fit(X, y)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(of_rank, thread_groups(2)))
    with pytest.raises(ValueError, match="device must be one GPU, such as 'cuda:0'"):
        Network((2, 1), device="cuda:0,1")
