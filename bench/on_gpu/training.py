"""One mini-batch of a problem, prepared as a backend takes it, to be trained on again and again."""

import numpy as np

from ...algorithm.optimizers import make
from ...algorithm.parameters import Array, Parameters
from ...algorithm.workspace import Workspace
from ...backends import Backend
from ...backprop import Source, bind
from ...kernels.formulas import Activation, Formulas, Loss
from ...kernels.protocol import Kernels
from ..problems import Problem
from ..start import ALPHA, BETA_1, BETA_2, EPSILON, RATE, start


class Training:
    """Takes steps from the common start, which lies in a backend's memory, in whole batches."""

    def __init__(self, problem: Problem, dtype: str, backend: Backend, steps: int) -> None:
        memory, begin = backend.memory, start(problem, dtype, "relu")
        net = Parameters.zeros(problem.layer_sizes, dtype, memory)
        net.load(begin.weights + begin.biases)
        self._grad, self._left = net.zeros_like(), steps
        adam = make("adam", net, RATE, beta_1=BETA_1, beta_2=BETA_2, epsilon=EPSILON)
        Y = np.eye(problem.classes, dtype=dtype)[begin.labels]
        order = np.resize(next(begin.orders()), steps * problem.batch)
        cursor = memory.put(np.zeros(1, dtype=np.int64))
        source = Source(memory.rows(begin.X), memory.rows(Y), None, memory.put(order), cursor)
        softmax = Activation.SOFTMAX, Loss.CROSS_ENTROPY
        formulas = Formulas(Activation.RELU, *softmax)
        ws = Workspace.allocate(net, formulas, problem.batch)
        memory.write(ws.sums, np.array([0.0, ALPHA / problem.batch, 0.0]))
        self._memory, self._sums = memory, ws.sums

        def step(k: Kernels) -> None:
            bind(k).train_batch(source, net, [(ws, self._grad)], adam, ALPHA)

        self._run = backend.prepare(step, 3 * problem.batch * net.theta.size)

    def run(self, steps: int) -> None:
        """Queue this many steps."""
        self._left -= steps
        if self._left < 0:
            raise ValueError("more steps than were prepared for: the order of rows would end")
        self._run(steps)

    def loss(self) -> float:
        """Sum of the steps' losses, their penalties included."""
        loss, _, penalty = self._memory.read(self._sums)
        return float(loss + penalty)

    def gradient(self) -> Array:
        """The last step's gradient, all parameters one after the other."""
        dtype = self._grad.theta.dtype
        arrays = [np.empty(part.shape, dtype) for part in (*self._grad.W, *self._grad.b)]
        self._grad.store(arrays)
        return np.concatenate([array.ravel() for array in arrays])
