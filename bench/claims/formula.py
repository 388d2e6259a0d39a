"""A network's loss written out as one formula, and its derivative's value and cost."""

from typing import Any

import numpy as np

from ...network import Network


def written_out(sympy: Any, depth: int, width: int) -> tuple[Any, dict[str, Any]]:
    """The loss as one formula, and the symbols in it: x, y, and W and b of each layer."""

    def symbols(name: str, *shape: int) -> Any:
        return np.array(sympy.symbols(f"{name}_:{np.prod(shape)}")).reshape(shape)

    network = {"x": symbols("x", width), "y": symbols("y", width)}
    a = network["x"]
    for l in range(1, depth + 1):
        network[f"W{l}"], network[f"b{l}"] = symbols(f"W{l}", width, width), symbols(f"b{l}", width)
        z = network[f"W{l}"] @ a + network[f"b{l}"]
        a = np.array([1 / (1 + sympy.exp(-each)) for each in z])
    return ((a - network["y"]) ** 2).sum() / 2, network


def difference(derivative: Any, network: dict[str, Any], depth: int, width: int) -> float:
    """How far the formula's value is from backpropagation's, relatively."""
    net = Network((width,) * (depth + 1), "sigmoid", "sigmoid", dtype="float64", random_state=0)
    values = {"x": np.linspace(0.5, 1.0, width), "y": np.zeros(width)}
    for l, (W, b) in enumerate(zip(net.weights, net.biases, strict=True), start=1):
        values[f"W{l}"], values[f"b{l}"] = W, b
    numbers = {
        symbol: float(value)
        for name, symbols in network.items()
        for symbol, value in zip(symbols.flat, values[name].flat, strict=True)
    }
    expected = net.backward(net.forward(values["x"]), values["y"]).weights[0][0, 0]
    return abs(float(derivative.evalf(subs=numbers)) / float(expected) - 1)


def reverse_mode(depth: int, d: int) -> int:
    """Operations of backpropagation, one example, all derivatives."""
    forward = depth * (2 * d * d + 4 * d)  # W a + b; a sigmoid is a sign, exp, a sum, a quotient
    output = 4 * d  # (a - y) a (1 - a)
    gradients = depth * d * d
    back = (depth - 1) * (d * (2 * d - 1) + 3 * d)  # (W^T delta) a (1 - a)
    return forward + output + gradients + back
