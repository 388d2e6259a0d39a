"""The gradient of one layer's weights."""

from conftest import Measure

from gpubackprop.bench import primitives
from gpubackprop.bench.primitives import Draw, Shape


def test_weight_grad(measure: Measure, normal: Draw, shape: Shape) -> None:
    measure(primitives.weight_grad(normal, shape))
