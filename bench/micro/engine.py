"""Training epochs without an estimator around them, on a backend of one's choice."""

from itertools import pairwise

import numpy as np

from gpubackprop.algorithm.optimizers import make
from gpubackprop.algorithm.parameters import Array, Parameters
from gpubackprop.backends import Backend
from gpubackprop.bench.problems import Problem
from gpubackprop.bench.start import ALPHA, BETA_1, BETA_2, EPSILON, RATE, start
from gpubackprop.fitting.conversion import ACTIVATION_OF
from gpubackprop.kernels.formulas import Activation, Formulas, Loss
from gpubackprop.training.epochs import Epochs
from gpubackprop.training.memory_plan import plan


def epochs(problem: Problem, dtype: str, activation: str, backend: Backend) -> tuple[Epochs, Array]:
    """Set a problem up; also returns an order of its rows."""
    begin = start(problem, dtype, activation)
    net = Parameters.zeros(problem.layer_sizes, dtype)
    net.load(begin.weights + begin.biases)
    Y = np.eye(problem.classes, dtype=dtype)[begin.labels]
    hidden, softmax = ACTIVATION_OF[activation], (Activation.SOFTMAX, Loss.CROSS_ENTROPY)
    formulas = Formulas(hidden, *softmax)
    optimizer = make("adam", net, RATE, beta_1=BETA_1, beta_2=BETA_2, epsilon=EPSILON)
    shape = problem.layer_sizes, len(begin.X), problem.batch, dtype, len(optimizer.vectors)
    parts = (net, formulas, optimizer, begin.X, Y, None, ALPHA, plan(*shape, backend.memory))
    return Epochs(backend, *parts), next(begin.orders())


def flops(problem: Problem, rows: int) -> int:
    """Of the matrix products: forward, weight gradients, and back through all but the first."""
    sizes = problem.layer_sizes
    products = [a * b for a, b in pairwise(sizes)]
    return 2 * rows * (3 * sum(products) - products[0])
