"""The output error and the loss."""

import pytest
from conftest import Measure

from gpubackprop.bench import primitives
from gpubackprop.bench.primitives import Draw, Shape
from gpubackprop.kernels.formulas import Activation, Loss

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
    shape: Shape,
    activation: Activation,
    loss: Loss,
    outputs: int,
) -> None:
    measure(primitives.output_delta(normal, shape._replace(fan_out=outputs), activation, loss))
