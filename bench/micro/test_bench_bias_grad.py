"""The gradient of one layer's biases."""

from conftest import Measure

from gpubackprop.bench import primitives
from gpubackprop.bench.primitives import Draw, Shape


def test_bias_grad(measure: Measure, normal: Draw, shape: Shape) -> None:
    measure(primitives.bias_grad(normal, shape))
