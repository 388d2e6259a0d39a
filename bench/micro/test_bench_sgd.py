"""One step of gradient descent over all parameters."""

import pytest
from conftest import Measure

from gpubackprop.bench import primitives
from gpubackprop.bench.primitives import Draw, Shape


@pytest.mark.parametrize("nesterov", [True, False], ids=["nesterov", "momentum"])
def test_sgd(measure: Measure, normal: Draw, shape: Shape, nesterov: bool) -> None:
    measure(primitives.sgd(normal, shape, nesterov))
