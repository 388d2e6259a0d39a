"""One step of Adam over all parameters."""

from conftest import Measure

from gpubackprop.bench import primitives
from gpubackprop.bench.primitives import Draw, Shape


def test_adam(measure: Measure, normal: Draw, shape: Shape) -> None:
    measure(primitives.adam(normal, shape))
