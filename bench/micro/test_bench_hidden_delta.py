"""The error pulled back through one layer."""

import numpy as np

from gpubackprop.kernels.formulas import Activation
from gpubackprop.bench.measuring import Draw, Measure, Shape


def test_hidden_delta(measure: Measure, normal: Draw, shape: Shape, activation: Activation) -> None:
    delta, W = normal(shape.batch, shape.fan_out), normal(shape.fan_in, shape.fan_out)
    A = np.tanh(normal(shape.batch, shape.fan_in))
    out = np.empty_like(A)
    flops = 2 * shape.batch * W.size + 3 * A.size
    measure("hidden_delta", (delta, W, A, activation, out), passes=[delta, W, A, out], flops=flops)
