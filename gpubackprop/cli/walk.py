"""One step of backpropagation with every number put in, line by line.

The numbers come from :class:`gpubackprop.Network`; this file only writes them into the formulas.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gpubackprop.cli.example import Array, Example
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

_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_APART = 1e-3
"""Share of the larger from which on a gradient and its finite difference are told to differ."""


@dataclass
class Walk:
    """A mini-batch on its way through a network and back, and the step that follows."""

    start: Example
    learning_rate: float

    def lines(self) -> Iterator[str]:
        """Do the step, line by line."""
        net, x, y = self.start.network, self.start.x, self.start.y
        cache = net.forward(x)
        before = float(net.loss(cache, y))
        grads = net.backward(cache, y)
        yield from self._the_network()
        for layer in range(1, self.depth + 1):
            at, below = sup(layer), sup(layer - 1)
            z, a = self._letter("z"), self._letter("a")
            plus = f"{z}{at} = W{at} {a}{below} + b{at}" + " 1_Bᵀ" * self._several
            yield heading(f"Forward, layer {layer}: {plus}, {a}{at} = σ({z}{at})")
            yield from self._forward(layer, cache)
        yield heading(f"Loss: L = {LOSSES[self.start.loss]}, where ŷ = a{sup(self.depth)}")
        yield from self._loss(cache, before)
        yield from self._output_delta(cache.A[-1], cache.Z[-1], grads.deltas[-1])
        for layer in range(self.depth - 1, 0, -1):
            yield from self._hidden_delta(layer, cache, grads.deltas)
        yield from self._all_gradients(cache, grads)
        yield from self._one_weight(grads, before)
        yield from self._all_weights(grads, before)

    @property
    def depth(self) -> int:
        """The number of layers that have weights."""
        return len(self.start.activations)

    @property
    def _several(self) -> bool:
        """Whether the mini-batch has more than one example, which are columns of a matrix then."""
        return self._examples > 1

    @property
    def _examples(self) -> int:
        return int(self.start.x.shape[1])

    def _letter(self, letter: str) -> str:
        """Small for the vector of one example, large for the matrix of several."""
        return letter.upper() if self._several else letter

    def _unit(self, letter: str, layer: int, i: int, n: int) -> str:
        """Name the i-th unit's number of the n-th example."""
        indices = (i, n) if self._several else (i,)
        return f"{self._letter(letter)}{sup(layer)}{sub(*indices)}"

    # Each of the following writes one stage of the derivation.

    def _the_network(self) -> Iterator[str]:
        net, x, y = self.start.network, self.start.x, self.start.y
        batch = f"a mini-batch of {self._examples} examples" if self._several else "one example"
        yield heading(f"A network of {' → '.join(map(str, net.layer_sizes))}, and {batch}")
        for name in dict.fromkeys(self.start.activations):
            value, slope = SIGMAS[name]
            yield f"  {name}: σ(z) = {value}" + (f", σ′(z) = {slope}" if slope else "")
        yield from self._parameters()
        if self._several:
            for name, batch_of in ("A⁽⁰⁾ = X = ", x), ("Y = ", y):
                yield from (f"  {line}" for line in matrix(name, batch_of))
            yield "  (An example a column: A₁₂ is of unit 1, example 2. 1_B is a column of B ones.)"
        else:
            yield f"  a⁽⁰⁾ = x = {vector(x[:, 0])}, y = {vector(y[:, 0])}"
        yield f"  learning rate: η = {number(self.learning_rate)}"
        yield "  (Shown with 5 digits, computed with 16: by hand the last may differ.)"

    def _parameters(self) -> Iterator[str]:
        net = self.start.network
        for layer, (weights, biases) in enumerate(zip(net.weights, net.biases, strict=True), 1):
            left = matrix(f"W{sup(layer)} = ", weights)
            right = matrix(f"   b{sup(layer)} = ", biases.reshape(-1, 1))
            yield from (f"  {a}{b}" for a, b in zip(left, right, strict=True))

    def _forward(self, layer: int, cache: Any) -> Iterator[str]:
        net, name = self.start.network, self.start.activations[layer - 1]
        weights, biases = net.weights[layer - 1], net.biases[layer - 1]
        inputs, Z, A = cache.A[layer - 1], cache.Z[layer - 1], cache.A[layer]
        for n in range(self._examples):
            for i, z in enumerate(Z[:, n]):
                products = " + ".join(map(product, weights[i], inputs[:, n]))
                names = self._unit("z", layer, i, n)
                yield f"  {names} = {products} + {factor(biases[i])} = {number(z)}"
            for i, a in enumerate(A[:, n]):
                put_in = activation_of(name, Z[:, n], i)
                yield f"  {self._unit('a', layer, i, n)} = {put_in} = {number(a)}"

    def _loss(self, cache: Any, loss: float) -> Iterator[str]:
        net, y, name = self.start.network, self.start.y, self.start.loss
        of_each = [loss_of(name, a, t) for a, t in zip(cache.A[-1].T, y.T, strict=True)]
        if not self._several:
            yield f"  L = {of_each[0]} = {number(loss)}"
            return
        values = []
        for n, text in enumerate(of_each):
            column = slice(n, n + 1)
            values.append(float(net.loss(net.forward(self.start.x[:, column]), y[:, column])))
            yield f"  L{sub(n)} = {text} = {number(values[-1])}"
        total = " + ".join(map(number, values))
        yield f"  L = ({total}) / {self._examples} = {number(loss)}"

    def _output_delta(self, A: Array, Z: Array, delta: Array) -> Iterator[str]:
        at, sigma, loss = sup(self.depth), self.start.activations[-1], self.start.loss
        paired, formula = self._slope_cancels, ERRORS.get(loss, "ŷ - y")
        whole = formula if paired else f"({formula}) ⊙ σ′({self._letter('z')}{at})"
        whole = f"1/{self._examples} ({whole})" if self._several else whole
        names = f"{self._letter('δ')}{at} = ∂L/∂{self._letter('z')}{at}"
        yield heading(f"Back, output: {names} = {whole}")
        if paired and sigma != "identity":
            yield f"  ({sigma} and {loss} together: σ′ cancels)"
        for n in range(self._examples):
            for i, value in enumerate(delta[:, n]):
                put_in = error_of(loss, A[:, n], self.start.y[:, n], i)
                if not paired:
                    put_in = f"({put_in}) · {slope_of(sigma, A[i, n], Z[i, n])}"
                put_in = f"({put_in}) / {self._examples}" if self._several else put_in
                yield f"  {self._unit('δ', self.depth, i, n)} = {put_in} = {number(value)}"

    @property
    def _slope_cancels(self) -> bool:
        from gpubackprop.network_arguments import ACTIVATION_OF, LOSS_OF

        last = self.start.activations[-1]
        return LOSS_OF[self.start.loss].error_is_of(ACTIVATION_OF[last]) or last == "softmax"

    def _hidden_delta(self, layer: int, cache: Any, deltas: Any) -> Iterator[str]:
        at, above, delta = sup(layer), sup(layer + 1), self._letter("δ")
        pulled_back = f"(W{above})ᵀ {delta}{above} ⊙ σ′({self._letter('z')}{at})"
        yield heading(f"Back, layer {layer}: {delta}{at} = {pulled_back}")
        weights, name = self.start.network.weights[layer], self.start.activations[layer - 1]
        for n in range(self._examples):
            for i, value in enumerate(deltas[layer - 1][:, n]):
                pulled = " + ".join(map(product, weights[:, i], deltas[layer][:, n]))
                slope = slope_of(name, cache.A[layer][i, n], cache.Z[layer - 1][i, n])
                unit = self._unit("δ", layer, i, n)
                yield f"  {unit} = ({pulled}) · {slope} = {number(value)}"

    def _all_gradients(self, cache: Any, grads: Any) -> Iterator[str]:
        from gpubackprop.gradient_check import central_differences

        expected = central_differences(self.start.network, self.start.x, self.start.y)
        for layer in range(self.depth, 0, -1):
            W, b = (each[layer - 1] for each in expected)
            yield from self._gradients(layer, cache.A[layer - 1], grads, W, b)
        yield "  (In brackets: (L(w + ε) - L(w - ε)) / 2ε, the finite difference, with ε = 6e-6.)"
        found = *grads.weights, *grads.biases
        if not all(map(_agree, found, [*expected[0], *expected[1]])):
            yield "  (Where the two differ, a kink of σ or L lies within ε, or L is clipped.)"

    def _gradients(self, layer: int, below: Array, grads: Any, W: Array, b: Array) -> Iterator[str]:
        at, lower, delta = sup(layer), sup(layer - 1), self._letter("δ")
        deltas, examples = grads.deltas[layer - 1], range(self._examples)
        of_bias = f"{delta}{at}" + " 1_B" * self._several
        of_weights = f"{delta}{at} ({self._letter('a')}{lower})ᵀ"
        yield heading(f"Gradients, layer {layer}: ∇W{at} = {of_weights}, ∇b{at} = {of_bias}")
        for (i, j), value in np.ndenumerate(grads.weights[layer - 1]):
            pairs = (
                (self._unit("δ", layer, i, n), self._unit("a", layer - 1, j, n)) for n in examples
            )
            names = " + ".join(f"{d} · {a}" for d, a in pairs)
            put_in = " + ".join(map(product, deltas[i], below[j]))
            step = f"{names} = {put_in} = {number(float(value))}"
            yield f"  ∂L/∂W{at}{sub(i, j)} = {step} ({number(float(W[i, j]))})"
        for i, value in enumerate(np.ravel(grads.biases[layer - 1])):
            names = " + ".join(self._unit("δ", layer, i, n) for n in examples)
            put_in = f" = {' + '.join(map(factor, deltas[i]))}" if self._several else ""
            yield f"  ∂L/∂b{at}{sub(i)} = {names}{put_in} = {number(value)} ({number(float(b[i]))})"

    def _one_weight(self, grads: Any, before: float) -> Iterator[str]:
        layer, i, j = self._weight_to_try(grads)
        weights, name = self.start.network.weights[layer - 1], f"W{sup(layer)}{sub(i, j)}"
        old, gradient = float(weights[i, j]), float(grads.weights[layer - 1][i, j])
        yield heading(f"Does it work? Change {name} alone: w ← w - η · ∂L/∂w")
        weights[i, j] = new = old - self.learning_rate * gradient
        step = f"{number(old)} - {product(self.learning_rate, gradient)}"
        yield f"  {name} ← {step} = {number(new)}"
        yield from self._forward_again(before, bool(gradient))
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
        self.start.network.step(grads, self.learning_rate)
        yield from self._parameters()
        some = any(map(np.any, (*grads.weights, *grads.biases)))
        yield from self._forward_again(before, some)

    def _forward_again(self, before: float, some_gradient: bool) -> Iterator[str]:
        cache = self.start.network.forward(self.start.x)
        after = float(self.start.network.loss(cache, self.start.y))
        for layer in range(1, self.depth + 1):
            yield from self._forward(layer, cache)
        yield from self._loss(cache, after)
        yield f"  {advice(before, after, some_gradient)}"


def advice(before: float, after: float, some_gradient: bool) -> str:
    """Say what a step did to the loss, and why where it is not what a step is for."""
    change = f"from {number(before)} to {number(after)}"
    if not np.isfinite(after):
        return (
            f"The loss is {after} now: the step was much too long. Try a smaller --learning-rate."
        )
    if after < before:
        return f"The loss fell {change}."
    if after > before:
        return f"The loss rose {change}: the step was too long. Try a smaller --learning-rate."
    if not some_gradient:
        return "The loss stayed the same: every gradient is 0."
    return "The loss stayed the same to 16 digits: the step was too short to be seen."


def _agree(gradient: Array, difference: Array) -> bool:
    return bool(np.allclose(gradient, difference, rtol=_APART, atol=1e-8))


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
