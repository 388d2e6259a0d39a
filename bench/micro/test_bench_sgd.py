"""One step of gradient descent over all parameters."""

import numpy as np
import pytest

from gpubackprop.bench.measuring import Draw, Measure, Shape


@pytest.mark.parametrize("nesterov", [True, False], ids=["nesterov", "momentum"])
def test_sgd(measure: Measure, normal: Draw, shape: Shape, nesterov: bool) -> None:
    size = shape.fan_in * shape.fan_out
    theta, velocity, grad = normal(size), normal(size), normal(size)
    rate, decay, penalty = np.full(1, 1e-4), np.full(1, 1e-6), np.zeros(1)
    arguments = (theta, grad, velocity, rate, 0.9, nesterov, size, decay, penalty)
    passes = [theta, theta, velocity, velocity, grad]
    measure("sgd", arguments, passes, flops=(10 if nesterov else 8) * size)
