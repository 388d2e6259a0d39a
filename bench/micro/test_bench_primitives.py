"""Each primitive that takes time, on a layer's arrays."""

import pytest
from conftest import Measure

from gpubackprop.bench.primitives import CALLS, Draw, Shape


@pytest.mark.parametrize("name", CALLS)
def test_primitive(measure: Measure, normal: Draw, shape: Shape, name: str) -> None:
    measure(CALLS[name](normal, shape))
