"""The output error and the loss."""

import numpy as np
import pytest

from gpubackprop.kernels.formulas import Activation, Loss
from gpubackprop.bench.measuring import Draw, Measure, Shape

PAIRINGS = [
    (Activation.SOFTMAX, Loss.CROSS_ENTROPY, 10),
    (Activation.SIGMOID, Loss.BINARY_CROSS_ENTROPY, 1),
    (Activation.IDENTITY, Loss.SQUARED_ERROR, 1),
]


@pytest.mark.parametrize(
    ("activation", "loss", "outputs"), PAIRINGS, ids=[loss.name.lower() for _, loss, _ in PAIRINGS]
)
def test_output_delta(
    measure: Measure,
    normal: Draw,
    dtype: str,
    shape: Shape,
    activation: Activation,
    loss: Loss,
    outputs: int,
) -> None:
    A = np.abs(normal(shape.batch, outputs))
    A /= A.sum() + 1
    Y, delta = np.zeros_like(A), np.zeros_like(A)
    Y[:, 0] = 1
    share = np.full((shape.batch, 1), 1 / shape.batch, dtype=dtype)
    arguments = (A, Y, share, activation, loss, delta, np.zeros(1))
    measure("output_delta", arguments, passes=[A, Y, share, delta], flops=5 * A.size)
