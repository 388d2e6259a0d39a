"""``gpubackprop explain``: one step of backpropagation with every number put in.

The numbers come from :class:`gpubackprop.Network`; this file only writes them into the formulas.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
import typer

from gpubackprop.cli.errors import UserError
from gpubackprop.cli.options import sizes
from gpubackprop.cli.put_in import (
    ERRORS,
    LOSSES,
    SIGMAS,
    activation_of,
    error_of,
    factor,
    loss_of,
    number,
    slope_of,
)
from gpubackprop.cli.terminal import Terminal

Array = np.ndarray[Any, Any]

MOST_UNITS = 9
MOST_PARAMETERS = 120

_OUTPUT_OF_LOSS = {
    **dict.fromkeys(("cross_entropy", "focal"), "softmax"),
    **dict.fromkeys(("poisson", "gamma"), "exp"),
}
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def explain(
    layers: Annotated[
        str | None,
        typer.Option(help="Layer sizes of another small network, its weights drawn: 2,3,1"),
    ] = None,
    activation: Annotated[
        str,
        typer.Option(
            help="The hidden layers' activation: sigmoid, tanh, relu, identity, leaky_relu, elu, "
            "selu, gelu, silu, mish, softplus, hardtanh."
        ),
    ] = "sigmoid",
    output_activation: Annotated[
        str | None,
        typer.Option(help="The output layer's activation. By default one that suits the loss."),
    ] = None,
    loss: Annotated[
        str,
        typer.Option(
            help="squared_error, absolute_error, huber, log_cosh, quantile, cross_entropy, focal, "
            "binary_cross_entropy, binary_focal, poisson, gamma."
        ),
    ] = "squared_error",
    learning_rate: Annotated[float, typer.Option(help="The step's length, η.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the weights drawn for --layers.")] = 0,
    backend: Annotated[str, typer.Option(help="The code that computes; 'info' lists it.")] = "auto",
) -> None:
    """Walk through one step of backpropagation, every number shown.

    Without options: a network of 2-2-1 with sigmoids, x = (1, 0) and y = 1. A pocket calculator is
    enough to follow.
    """
    console = Terminal()
    output = output_activation or _OUTPUT_OF_LOSS.get(loss, "sigmoid")
    shape = sizes("--layers", layers) if layers else (2, 2, 1)
    walk = _set_up(shape, activation, output, loss, learning_rate, backend)
    if layers:
        _draw(walk, np.random.default_rng(seed))
    else:
        _put_in_the_worked_example(walk)
    for line in walk.lines():
        console.print(line)
    console.print("\nNext: gpubackprop explain --layers 2,3,1, or gpubackprop train")


def _set_up(
    shape: tuple[int, ...],
    activation: str,
    output: str,
    loss: str,
    learning_rate: float,
    backend: str,
) -> Walk:
    from gpubackprop import Network

    parameters = sum((d + 1) * e for d, e in pairwise(shape))
    if len(shape) < 2 or max(shape) > MOST_UNITS or parameters > MOST_PARAMETERS:
        raise UserError(
            f"--layers {','.join(map(str, shape))}: from the input's size to the output's, such as "
            f"2,3,1, with at most {MOST_UNITS} units in a layer and {MOST_PARAMETERS} parameters, "
            "or nobody could follow."
        )
    names: dict[str, Any] = {  # of which it refuses wrong ones
        "activation": activation,
        "output_activation": output,
        "loss": loss,
        "backend": backend,
    }
    try:
        network = Network(shape, **names, dtype="float64", random_state=0)
    except (ValueError, RuntimeError) as error:
        raise UserError(str(error)) from None
    activations = [activation] * (len(shape) - 2) + [output]
    x, y = np.zeros(shape[0]), np.zeros(shape[-1])
    return Walk(network, activations, loss, learning_rate, x, y)


def _put_in_the_worked_example(walk: Walk) -> None:
    walk.network.weights[0][...] = [[0.5, 1.0], [-1.0, 1.0]]
    walk.network.weights[1][...] = [[1.0, -1.0]]
    for bias in walk.network.biases:
        bias[...] = 0.0
    walk.x[...] = [1.0, 0.0]
    walk.y[...] = 1.0


def _draw(walk: Walk, generator: np.random.Generator) -> None:
    """Draw numbers of one decimal: short enough to type."""
    for parameter in (*walk.network.weights, *walk.network.biases, walk.x):
        size = generator.integers(1, 11, parameter.shape) / 10
        parameter[...] = size * generator.choice([-1.0, 1.0], parameter.shape)
    walk.y[generator.integers(len(walk.y))] = 1.0
    if walk.loss == "gamma":  # of targets above 0
        walk.y += 0.5


@dataclass
class Walk:
    """One example on its way through a network and back.

    Attributes
    ----------
    network : Network
        The network.
    activations : list of str
        Each layer's activation.
    loss : str
        The loss.
    learning_rate : float
        The step's length.
    x, y : ndarray
        The example and its target.
    """

    network: Any
    activations: list[str]
    loss: str
    learning_rate: float
    x: Array
    y: Array

    def lines(self) -> Iterator[str]:
        """Do the step, line by line."""
        net = self.network
        cache = net.forward(self.x)
        a, z = [np.ravel(a) for a in cache.A], [np.ravel(z) for z in cache.Z]
        before = float(net.loss(cache, self.y))
        grads = net.backward(cache, self.y)
        deltas = [np.ravel(delta) for delta in grads.deltas]
        yield from self._the_network()
        for layer in range(1, self.depth + 1):
            at, below = sup(layer), sup(layer - 1)
            yield heading(
                f"Forward, layer {layer}: z{at} = W{at} a{below} + b{at}, a{at} = σ(z{at})"
            )
            yield from self._forward(layer, cache)
        yield heading(f"Loss: L = {LOSSES[self.loss]}, where ŷ = a{sup(self.depth)}")
        yield f"  L = {loss_of(self.loss, a[-1], self.y)} = {number(before)}"
        yield from self._output_delta(a[-1], z[-1], deltas[-1])
        for layer in range(self.depth - 1, 0, -1):
            yield from self._hidden_delta(layer, a[layer], z[layer - 1], deltas)
        for layer in range(self.depth, 0, -1):
            yield from self._gradients(layer, a[layer - 1], deltas[layer - 1], grads)
        yield from self._one_weight(grads, before)
        yield from self._all_weights(grads, before)

    @property
    def depth(self) -> int:
        """The number of layers that have weights."""
        return len(self.activations)

    # Each of the following writes one stage of the derivation.

    def _the_network(self) -> Iterator[str]:
        shape = [len(self.x), *(len(b) for b in self.network.biases)]
        yield heading(f"A network of {' → '.join(map(str, shape))}, and one example")
        for name in dict.fromkeys(self.activations):
            value, slope = SIGMAS[name]
            yield f"  {name}: σ(z) = {value}" + (f", σ′(z) = {slope}" if slope else "")
        yield from self._parameters()
        yield f"  a⁽⁰⁾ = x = {vector(self.x)}, y = {vector(self.y)}"
        yield f"  learning rate: η = {number(self.learning_rate)}"
        yield "  (Shown with 5 digits, computed with 16: by hand the last may differ.)"

    def _parameters(self) -> Iterator[str]:
        pairs = zip(self.network.weights, self.network.biases, strict=True)
        for layer, (weights, biases) in enumerate(pairs, 1):
            left = matrix(f"W{sup(layer)} = ", weights)
            right = matrix(f"   b{sup(layer)} = ", biases.reshape(-1, 1))
            yield from (f"  {a}{b}" for a, b in zip(left, right, strict=True))

    def _forward(self, layer: int, cache: Any) -> Iterator[str]:
        at = sup(layer)
        inputs, z, a = (
            np.ravel(v) for v in (cache.A[layer - 1], cache.Z[layer - 1], cache.A[layer])
        )
        weights, biases = self.network.weights[layer - 1], self.network.biases[layer - 1]
        for i in range(len(z)):
            products = " + ".join(map(product, weights[i], inputs))
            yield f"  z{at}{sub(i)} = {products} + {factor(biases[i])} = {number(z[i])}"
        for i in range(len(a)):
            put_in = activation_of(self.activations[layer - 1], z, i)
            yield f"  a{at}{sub(i)} = {put_in} = {number(a[i])}"

    def _output_delta(self, prediction: Array, z: Array, delta: Array) -> Iterator[str]:
        at, sigma = sup(self.depth), self.activations[-1]
        paired, formula = self._slope_cancels, ERRORS.get(self.loss, "ŷ - y")
        whole = formula if paired else f"({formula}) ⊙ σ′(z{at})"
        yield heading(f"Back, output: δ{at} = ∂L/∂z{at} = {whole}")
        if paired and sigma != "identity":
            yield f"  ({sigma} and {self.loss} together: σ′ cancels)"
        for i in range(len(delta)):
            error = error_of(self.loss, prediction, self.y, i)
            put_in = error if paired else f"({error}) · {slope_of(sigma, prediction[i], z[i])}"
            yield f"  δ{at}{sub(i)} = {put_in} = {number(delta[i])}"

    @property
    def _slope_cancels(self) -> bool:
        from gpubackprop.network import ACTIVATION_OF, LOSS_OF

        loss, output = LOSS_OF[self.loss], ACTIVATION_OF[self.activations[-1]]
        return loss.error_is_of(output) or self.activations[-1] == "softmax"

    def _hidden_delta(self, layer: int, a: Array, z: Array, deltas: list[Array]) -> Iterator[str]:
        at, above = sup(layer), sup(layer + 1)
        yield heading(f"Back, layer {layer}: δ{at} = (W{above})ᵀ δ{above} ⊙ σ′(z{at})")
        weights = self.network.weights[layer]
        for i, delta in enumerate(deltas[layer - 1]):
            pulled = " + ".join(map(product, weights[:, i], deltas[layer]))
            slope = slope_of(self.activations[layer - 1], a[i], z[i])
            yield f"  δ{at}{sub(i)} = ({pulled}) · {slope} = {number(delta)}"

    def _gradients(self, layer: int, below: Array, delta: Array, grads: Any) -> Iterator[str]:
        at, lower = sup(layer), sup(layer - 1)
        yield heading(f"Gradients, layer {layer}: ∇W{at} = δ{at} (a{lower})ᵀ, ∇b{at} = δ{at}")
        for (i, j), gradient in np.ndenumerate(grads.weights[layer - 1]):
            names, put_in = f"δ{at}{sub(i)} · a{lower}{sub(j)}", product(delta[i], below[j])
            yield f"  ∂L/∂W{at}{sub(i, j)} = {names} = {put_in} = {number(float(gradient))}"
        for i, gradient in enumerate(np.ravel(grads.biases[layer - 1])):
            yield f"  ∂L/∂b{at}{sub(i)} = δ{at}{sub(i)} = {number(gradient)}"

    def _one_weight(self, grads: Any, before: float) -> Iterator[str]:
        layer, i, j = self._weight_to_try(grads)
        weights, name = self.network.weights[layer - 1], f"W{sup(layer)}{sub(i, j)}"
        old, gradient = float(weights[i, j]), float(grads.weights[layer - 1][i, j])
        yield heading(f"Does it work? Change {name} alone: w ← w - η · ∂L/∂w")
        weights[i, j] = new = old - self.learning_rate * gradient
        step = f"{number(old)} - {product(self.learning_rate, gradient)}"
        yield f"  {name} ← {step} = {number(new)}"
        yield from self._forward_again(before)
        weights[i, j] = old

    def _weight_to_try(self, grads: Any) -> tuple[int, int, int]:
        """Take the first weight, as the derivation does, or the steepest where that one is flat."""
        if grads.weights[0][0, 0]:
            return 1, 0, 0
        layer = max(range(self.depth), key=lambda n: float(np.abs(grads.weights[n]).max()))
        steepest = np.abs(grads.weights[layer])
        i, j = np.unravel_index(int(steepest.argmax()), steepest.shape)
        return layer + 1, int(i), int(j)

    def _all_weights(self, grads: Any, before: float) -> Iterator[str]:
        yield heading("The step: W ← W - η ∇W, b ← b - η ∇b, in every layer")
        self.network.step(grads, self.learning_rate)
        yield from self._parameters()
        yield from self._forward_again(before)

    def _forward_again(self, before: float) -> Iterator[str]:
        cache = self.network.forward(self.x)
        after = float(self.network.loss(cache, self.y))
        for layer in range(1, self.depth + 1):
            yield from self._forward(layer, cache)
        yield f"  L = {loss_of(self.loss, np.ravel(cache.A[-1]), self.y)} = {number(after)}"
        if after < before:
            yield f"  The loss fell from {number(before)} to {number(after)}."
        elif after > before:
            yield (
                f"  The loss rose from {number(before)} to {number(after)}: the step was too long. "
                "Try a smaller --learning-rate."
            )
        else:
            yield "  The loss stayed the same: every gradient is 0."


def heading(text: str) -> str:
    """Set a stage's title apart."""
    return f"\n[bold]{text}[/]"


def product(left: Any, right: Any) -> str:
    """Write two numbers multiplied."""
    return f"{factor(left)} · {factor(right)}"


def vector(values: Array) -> str:
    """Write a vector on one line; a single number without brackets."""
    return number(values[0]) if len(values) == 1 else f"({', '.join(map(number, values))})"


def matrix(name: str, values: Array) -> list[str]:
    """Write a matrix on as many lines as it has rows, its name before the first."""
    cells = [[number(value) for value in row] for row in values]
    width = max(len(cell) for row in cells for cell in row)
    bars = {0: ("⎡", "⎤"), len(cells) - 1: ("⎣", "⎦")} if len(cells) > 1 else {0: ("(", ")")}
    lines = []
    for i, row in enumerate(cells):
        left, right = bars.get(i, ("⎢", "⎥"))
        body = "  ".join(cell.rjust(width) for cell in row)
        lines.append(f"{name if i == 0 else ' ' * len(name)}{left} {body} {right}")
    return lines


def sup(layer: int) -> str:
    """Write a layer's number: ⁽²⁾."""
    return f"⁽{layer}⁾".translate(_SUPERSCRIPTS)


def sub(*indices: int) -> str:
    """Write indices counted from 1, as the derivation does: ₁₂."""
    return "".join(str(i + 1) for i in indices).translate(_SUBSCRIPTS)
