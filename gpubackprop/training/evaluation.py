"""Outputs and loss of rows that a network is not trained on, computed again and again."""

from itertools import count

import numpy as np

from ..algorithm.memory import matrices
from ..algorithm.parameters import Array, Parameters
from ..algorithm.workspace import Layer, constants
from ..backends.backend import Backend
from ..backprop import bind
from ..kernels.formulas import Formulas
from ..kernels.protocol import Kernels

BLOCK_ROWS = 512
"""Rows of a block at the least: fewer are multiplied more slowly."""
CACHED_BYTES = 1 << 20
"""Bytes of a layer's activations that stay in the processor's cache: of the rows of a block."""


class Evaluation:
    """Computes the outputs and the loss of the same rows of the host with weights that change.

    X is row-major or column-major; X, Y and `share`, each example's weight in the loss, have the
    weights' dtype.
    """

    def __init__(
        self,
        backend: Backend,
        net: Parameters,
        formulas: Formulas,
        X: Array,
        Y: Array,
        share: Array,
    ) -> None:
        rows, dtype, memory = len(X), net.theta.dtype, net.memory
        self._y_hat, self._total = np.empty(Y.shape, dtype), np.zeros(1)
        widths = net.layer_sizes[1:]
        block = min(rows, max(BLOCK_ROWS, CACHED_BYTES // (max(widths) * dtype.itemsize)))
        *hidden, delta = matrices(block, widths, range(len(widths)), dtype, memory)
        sigma = formulas.activations(len(net.W))
        constant = constants(formulas, widths[-1], dtype, memory)

        def evaluate(k: Kernels) -> None:
            for start in range(0, rows, block):
                part = slice(start, min(start + block, rows))
                y_hat = self._y_hat[part]
                outputs = *(A[: len(y_hat)] for A in hidden), y_hat
                inputs = X[part], *outputs
                bind(k).forward(
                    map(Layer.predicting, count(1), sigma, net.W, net.b, inputs, outputs)
                )
                of = sigma[-1], formulas.loss
                k.output_delta(
                    y_hat, Y[part], share[part], *of, delta[: len(y_hat)], self._total, constant
                )

        self._run = backend.prepare(evaluate, rows * net.theta.size)

    def run(self) -> tuple[Array, float]:
        """Compute outputs, a new array, and the loss, each example's times its share."""
        self._total[0] = 0.0
        self._run(1)
        return self._y_hat.copy(), float(self._total[0])
