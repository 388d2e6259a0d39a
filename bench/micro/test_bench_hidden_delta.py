"""The error pulled back through one layer."""

from conftest import Measure

from gpubackprop.bench import primitives
from gpubackprop.bench.primitives import Draw, Shape
from gpubackprop.kernels.formulas import Activation


def test_hidden_delta(measure: Measure, normal: Draw, shape: Shape, activation: Activation) -> None:
    measure(primitives.hidden_delta(normal, shape, activation))
