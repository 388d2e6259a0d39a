"""The gradient of one layer's biases."""

from gpubackprop.bench.measuring import Draw, Measure, Shape


def test_bias_grad(measure: Measure, normal: Draw, shape: Shape) -> None:
    delta, grad = normal(shape.batch, shape.fan_out), normal(shape.fan_out)
    measure("bias_grad", (delta, grad), passes=[delta, grad], flops=delta.size)
