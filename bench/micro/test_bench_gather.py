"""Gathering the rows of a mini-batch."""

import numpy as np

from gpubackprop.bench.measuring import Draw, Measure, Shape


def test_gather(measure: Measure, normal: Draw, shape: Shape) -> None:
    X = normal(64 * shape.batch, shape.fan_in)
    out = normal(shape.batch, shape.fan_in)
    order = np.random.default_rng(0).permutation(len(X))
    cursor = np.zeros(1, dtype=np.int64)
    measure("gather", (X, order, cursor, out), passes=[out, out], flops=0)
