"""A training problem in a backend's memory, and what training has made of it."""

import numpy as np

from gpubackprop.algorithm.parameters import Parameters


class Moved:
    """Epochs of a problem, its parameters and its optimizer's state copied to the backend."""

    def __init__(self, problem, backend, checkpoint=None):
        self._problem, self._memory = problem, backend.memory
        self.net = self._copy(problem.net)
        self.optimizer = type(problem.optimizer)(*map(self._copy, problem.optimizer))
        self.epochs = problem.epochs(backend, self.net, self.optimizer, checkpoint)

    def train(self):
        """Run all epochs; return the losses and every number that training changed."""
        losses = [self.epochs.run(order) for order in self._problem.orders]
        return losses, self.state()

    def state(self):
        kept = (self.net, *self.optimizer)
        vectors = [values(v) for v in kept if isinstance(v, Parameters)]
        counters = [v for v in self.optimizer if not isinstance(v, (Parameters, float, bool))]
        return [*vectors, *(np.array(self._memory.read(counter)) for counter in counters)]

    def _copy(self, part):
        if isinstance(part, Parameters):
            copy = Parameters.zeros(part.layer_sizes, part.theta.dtype, self._memory)
            copy.load([*part.W, *part.b])
            return copy
        return self._memory.put(part) if isinstance(part, np.ndarray) else part


def values(parameters):
    """All parameters one after the other, without what lies between them."""
    dtype = parameters.theta.dtype
    arrays = [np.empty(p.shape, dtype) for p in (*parameters.W, *parameters.b)]
    parameters.store(arrays)
    return np.concatenate([array.ravel() for array in arrays])
