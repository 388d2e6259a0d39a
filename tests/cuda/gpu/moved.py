"""A training problem in a backend's memory, and what training has made of it."""

import numpy as np

from gpubackprop.algorithm.parameters import Parameters


class Moved:
    """Epochs of a problem, its parameters and its optimizer's state copied to the backend."""

    def __init__(self, problem, backend, checkpoint=None):
        self._problem, self._memory = problem, backend.memory
        self.net = self._copy(problem.net)
        self.optimizer = problem.optimizer._make(map(self._copied, problem.optimizer))
        self.epochs = problem.epochs(backend, self.net, self.optimizer, checkpoint)

    def train(self):
        """Run all epochs; return the losses and every number that training changed."""
        losses = [self.epochs.run(order) for order in self._problem.orders]
        return losses, self.state()

    def state(self):
        arrays = [part for part in self.optimizer if hasattr(part, "size")]  # the rest is settings
        vectors = [values(self.net.over(array)) for array in arrays if self._is_vector(array)]
        single = [array for array in arrays if not self._is_vector(array)]
        return [values(self.net), *vectors, *(np.array(self._memory.read(one)) for one in single)]

    def _is_vector(self, array):
        return array.size == self.net.theta.size

    def _copy(self, parameters):
        sizes, dtype = parameters.layer_sizes, parameters.theta.dtype
        copy = Parameters.zeros(sizes, dtype, self._memory)
        copy.load([*parameters.W, *parameters.b])
        return copy

    def _copied(self, part):
        """Copy one entry of the optimizer's record."""
        if not isinstance(part, np.ndarray):
            return part
        net = self._problem.net
        if part.size == net.theta.size:
            return self._copy(net.over(part)).theta
        return self._memory.put(part)


def values(parameters):
    """All parameters one after the other, without what lies between them."""
    dtype = parameters.theta.dtype
    arrays = [np.empty(p.shape, dtype) for p in (*parameters.W, *parameters.b)]
    parameters.store(arrays)
    return np.concatenate([array.ravel() for array in arrays])
