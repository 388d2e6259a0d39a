"""Gathering the rows of a mini-batch."""

from conftest import Measure

from gpubackprop.bench import primitives
from gpubackprop.bench.primitives import Draw, Shape


def test_gather(measure: Measure, normal: Draw, shape: Shape) -> None:
    measure(primitives.gather(normal, shape))
