"""The forward pass of one layer: matrix product, bias, activation."""

import pytest
from conftest import Measure

from gpubackprop.bench import primitives
from gpubackprop.bench.primitives import Draw, Shape
from gpubackprop.kernels.formulas import Activation


def test_hidden(measure: Measure, normal: Draw, shape: Shape, activation: Activation) -> None:
    measure(primitives.dense(normal, shape, activation))


@pytest.mark.parametrize("classes", [3, 10])
def test_softmax(measure: Measure, normal: Draw, shape: Shape, classes: int) -> None:
    measure(primitives.dense(normal, shape._replace(fan_out=classes), Activation.SOFTMAX))
