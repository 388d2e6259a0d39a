"""The gradient of one layer's weights."""

from gpubackprop.bench.measuring import Draw, Measure, Shape


def test_weight_grad(measure: Measure, normal: Draw, shape: Shape) -> None:
    A, delta = normal(shape.batch, shape.fan_in), normal(shape.batch, shape.fan_out)
    grad = normal(shape.fan_in, shape.fan_out)
    flops = 2 * shape.batch * grad.size
    measure("weight_grad", (A, delta, grad), passes=[A, delta, grad], flops=flops)
