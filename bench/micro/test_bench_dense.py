"""The forward pass of one layer: matrix product, bias, activation."""

import pytest

from gpubackprop.kernels.formulas import Activation
from gpubackprop.bench.measuring import Draw, Measure, Shape


def _measure(measure: Measure, normal: Draw, shape: Shape, activation: Activation) -> None:
    A, b = normal(shape.batch, shape.fan_in), normal(shape.fan_out)
    W, Z = normal(shape.fan_in, shape.fan_out), normal(shape.batch, shape.fan_out)
    flops = 2 * shape.batch * shape.fan_in * shape.fan_out + Z.size
    measure("dense", (A, W, b, activation, Z, Z), passes=[A, W, b, Z], flops=flops)


def test_hidden(measure: Measure, normal: Draw, shape: Shape, activation: Activation) -> None:
    _measure(measure, normal, shape, activation)


@pytest.mark.parametrize("classes", [3, 10])
def test_softmax(measure: Measure, normal: Draw, shape: Shape, classes: int) -> None:
    _measure(measure, normal, shape._replace(fan_out=classes), Activation.SOFTMAX)
