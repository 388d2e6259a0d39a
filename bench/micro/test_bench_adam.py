"""One step of Adam over all parameters."""

import numpy as np

from gpubackprop.bench.measuring import Draw, Measure, Shape


def test_adam(measure: Measure, normal: Draw, shape: Shape) -> None:
    size = shape.fan_in * shape.fan_out
    theta, grad, m, v = normal(size), normal(size), normal(size), normal(size) ** 2
    t, rate, decay, penalty = np.ones(1, dtype=np.int64), *np.split(np.array([1e-3, 1e-6, 0]), 3)
    arguments = (theta, grad, m, v, t, rate, 0.9, 0.999, 1e-8, size, decay, penalty)
    measure("adam", arguments, passes=[theta, theta, m, m, v, v, grad], flops=16 * size)
