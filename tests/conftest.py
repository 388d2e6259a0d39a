"""What many tests share: backends, dtypes, a small training problem."""

import signal
from functools import partial

import numpy as np
import pytest

from gpubackprop.algorithm.dropout import Dropout
from gpubackprop.algorithm.memory import HOST
from gpubackprop.algorithm.optimizers import Clipped, Scheduled, make, rule
from gpubackprop.algorithm.parameters import Parameters
from gpubackprop.algorithm.workspace import Workspace
from gpubackprop.backprop import Source
from gpubackprop.fitting.engines import kept
from gpubackprop.kernels.formulas import Activation, Formulas, Loss
from gpubackprop.training.epochs import Epochs
from gpubackprop.training.memory_plan import plan

BACKENDS = ("reference", "compiled")  # the CPU's; the GPU's tests are in tests/cuda


def pytest_configure():
    """Hear Ctrl-C, which a shell makes its background jobs and all their children ignore."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def first_of_its_kind():
    """Begin with no engine of another test, which may have recorded what that test changed."""
    kept.engines.clear()


@pytest.fixture(params=BACKENDS)
def backend(request):
    return request.param


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return request.param


class Problem:
    """Data, initial parameters and an optimizer: equal ones each time it is made."""

    ALPHA = 0.01

    def __init__(
        self,
        dtype,
        optimizer,
        weighted,
        n=23,
        batch_size=5,
        sizes=(7, 9, 6, 4),
        hidden="tanh",
        rates=(),
    ):
        rng = np.random.default_rng(7)
        self.n, self.batch_size, self.rates = n, batch_size, rates
        softmax = Activation.SOFTMAX, Loss.CROSS_ENTROPY
        self.formulas = Formulas(Activation[hidden.upper()], *softmax)
        self.X = rng.standard_normal((n, sizes[0])).astype(dtype)
        self.Y = np.eye(sizes[-1], dtype=dtype)[rng.integers(sizes[-1], size=n)]
        weight = rng.uniform(0.1, 2, n)  # drawn in any case, so that the rest is equal
        weight /= weight.max()  # as `Epochs` scales them
        self.weight = weight if weighted else None
        self.net = Parameters.zeros(sizes, dtype)
        for W in self.net.W:
            W[...] = rng.uniform(-0.5, 0.5, W.shape)
        self.orders = [rng.permutation(n) for _ in range(4)]
        self.optimizer = {**OPTIMIZERS, **OTHERS}[optimizer](self.net)

    def source(self):
        column = None if self.weight is None else self.weight.astype(self.X.dtype).reshape(-1, 1)
        order, cursor = np.arange(self.n), np.zeros(1, dtype=np.int64)
        return Source(self.X, self.Y, column, order, cursor)

    def workspaces(self):
        """Workspaces of an epoch, and for how many batches each."""
        whole, rest = divmod(self.n, self.batch_size)
        full = Workspace.allocate(
            self.net, self.formulas, self.batch_size, dropout=self.dropout(HOST)
        )
        runs = [(full, whole), *([(full.first(rest), 1)] if rest else [])]
        for ws, _ in runs:
            ws.decay[0] = self.ALPHA / ws.rows
        return runs

    def dropout(self, memory):
        return Dropout.of(self.rates, 0x299F31D0A4093822, 0, memory, self.batch_size)

    def epochs(self, backend, net=None, optimizer=None, checkpoint=None, part=None):
        """`Epochs` of a backend, of other parameters if they were moved to its memory."""
        net, optimizer = net or self.net, optimizer or self.optimizer
        data, memory = (self.X, self.Y, self.weight), backend.memory
        moments = len(rule(optimizer).vectors)
        shape = net.layer_sizes, self.n, self.batch_size, self.X.dtype, moments
        apart = self.formulas.apart(len(net.W), self.rates)
        planned = plan(*shape, memory, checkpoint=checkpoint, apart=apart)
        planned = planned._replace(part=part or planned.part)
        more = self.ALPHA, planned, self.dropout(memory)
        return Epochs(backend, net, self.formulas, optimizer, *data, *more)

    def state(self):
        """Every number that training changes."""
        arrays = [v for v in rule(self.optimizer) if isinstance(v, np.ndarray)]
        return [self.net.theta.copy(), *(array.copy() for array in arrays)]


OPTIMIZERS = {
    "plain SGD": partial(make, "sgd", rate=0.1, momentum=0.0, nesterov=False),
    "momentum": partial(make, "sgd", rate=0.1, momentum=0.9, nesterov=False),
    "Nesterov": partial(make, "sgd", rate=0.1),
    "Adam": partial(make, "adam", rate=0.01),
}
"""Each makes an optimizer for parameters."""


def scheduled_and_clipped(net, solver):
    """An optimizer with a rate of its own for each of the first 40 batches, and short gradients."""
    rates, order = np.geomspace(0.03, 0.003, 40).reshape(-1, 1), np.arange(40)
    scheduled = Scheduled(make(solver, net, weight_decay=0.1), rates, order, np.zeros(1, np.int64))
    return Clipped(scheduled, 0.2, np.zeros(1))


OTHERS = {
    "AdamW": partial(make, "adamw", rate=0.01),
    "RMSprop": partial(make, "rmsprop", rate=0.003, weight_decay=0.1),
    "NAdam, scheduled and clipped": partial(scheduled_and_clipped, solver="nadam"),
    "Lion, scheduled and clipped": partial(scheduled_and_clipped, solver="lion"),
}
"""Likewise; what they share with those above is tested with those."""


@pytest.fixture
def make_problem():
    return Problem


@pytest.fixture(params=OPTIMIZERS)
def optimizer(request):
    return request.param
