"""The network and the mini-batch that ``gpubackprop explain`` walks through."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from gpubackprop.cli.errors import UserError
from gpubackprop.cli.options import sizes

Array = np.ndarray[Any, Any]

MOST_UNITS = 9
MOST_EXAMPLES = 4
MOST_PARAMETERS = 120

OUTPUT_OF_LOSS = {
    **dict.fromkeys(("cross_entropy", "focal"), "softmax"),
    **dict.fromkeys(("poisson", "gamma"), "exp"),
}
"""Output activations that suit a loss; of the others it is the sigmoid."""
_WORKED = {"x": "1,0", "y": "1", "weights": "0.5,1; -1,1 / 1,-1", "biases": "0,0 / 0"}
"""The derivation's example."""


@dataclass
class Example:
    """What a walk starts from: a network and a mini-batch, an example a column."""

    network: Any
    activations: list[str]
    """Of each layer."""
    loss: str
    x: Array
    y: Array


@dataclass
class Numbers:
    """What the command line gives, of which the rest is drawn: texts, or None."""

    layers: str | None
    x: str | None
    y: str | None
    weights: str | None
    biases: str | None
    examples: int | None
    seed: int

    def shape(self) -> tuple[int, ...]:
        """Layer sizes: those asked for, of the weights, or of the worked example."""
        if self.layers:
            return sizes("--layers", self.layers)
        if self.weights is None:
            return (2, 2, 1)
        found = matrices("--weights", self.weights)
        return (found[0].shape[1], *(len(each) for each in found))

    def given(self) -> dict[str, str | None]:
        """Texts of the numbers that are not drawn; None for others."""
        if self.examples is not None and (self.x is not None or self.y is not None):
            raise UserError("--examples draws examples, which --x and --y give: leave it out")
        texts = {name: getattr(self, name) for name in _WORKED}
        if self.layers or self.weights is not None:
            return texts
        if self.examples is not None:
            texts |= {"weights": _WORKED["weights"], "biases": self.biases or _WORKED["biases"]}
            return texts
        return {name: _WORKED[name] if text is None else text for name, text in texts.items()}


def example(
    numbers: Numbers, activation: str, output: str | None, loss: str, backend: str
) -> Example:
    """Make the network and put the numbers in; UserError where they do not go together."""
    shape = numbers.shape()
    output = output or OUTPUT_OF_LOSS.get(loss, "sigmoid")
    _require_small(shape)
    if output == "softmax" and shape[-1] == 1:
        raise UserError(
            "softmax of one unit is 1 whatever its weights are, so that nothing is learned: take "
            "two outputs, such as --layers 2,3,2, or --loss binary_cross_entropy, whose sigmoid "
            "has one"
        )
    made = _network(shape, activation, output, loss, backend)
    W, b, x, y = _drawn(numbers, shape, loss)
    given, pairs = numbers.given(), list(pairwise(shape))
    W = _read("--weights", given["weights"], W, [(e, d) for d, e in pairs])
    b = _read("--biases", given["biases"], b, [(1, e) for _, e in pairs])
    x = _columns("--x", given["x"], x, shape[0])
    y = _columns("--y", given["y"], y if given["x"] is None else None, shape[-1])
    if x.shape[1] != y.shape[1]:
        raise UserError(f"--x has {x.shape[1]} examples, and --y has {y.shape[1]}: give as many")
    _require_targets(loss, y)
    made.weights, made.biases = W, [each[0] for each in b]
    return Example(made, [activation] * (len(shape) - 2) + [output], loss, x, y)


def matrices(option: str, text: str) -> list[Array]:
    """Read matrices: numbers with commas between them, rows with ;, matrices with /."""
    try:
        found = [
            np.array([[float(each) for each in row.split(",")] for row in matrix.split(";")])
            for matrix in text.split("/")
        ]
    except ValueError:
        found = []
    if not found or not all(np.isfinite(matrix).all() for matrix in found):
        raise UserError(
            f"{option} {text}: numbers with commas between them, rows with ; between them, and "
            "layers with /, as in '0.5,1; -1,1 / 1,-1'"
        )
    return found


def _read(
    option: str, text: str | None, drawn: list[Array], shapes: list[tuple[int, int]]
) -> list[Array]:
    found = drawn if text is None else matrices(option, text)
    if [each.shape for each in found] != shapes:
        wanted = " / ".join(f"{rows} x {columns}" for rows, columns in shapes)
        got = " / ".join(f"{len(each)} x {each.shape[1]}" for each in found)
        raise UserError(f"{option} {text}: of shapes {wanted}, one a layer, not {got}")
    return found


def _columns(option: str, text: str | None, drawn: Array | None, width: int) -> Array:
    """Read examples, which are rows as they are typed."""
    if text is None and drawn is None:
        raise UserError(f"{option} is missing: give it with --x, as many examples")
    if text is None:
        return np.asarray(drawn)
    rows = matrices(option, text)
    if len(rows) > 1 or rows[0].shape[1] != width or len(rows[0]) > MOST_EXAMPLES:
        raise UserError(
            f"{option} {text}: {width} numbers with commas between them, and up to "
            f"{MOST_EXAMPLES} examples with ; between them"
        )
    return rows[0].T


def _require_small(shape: tuple[int, ...]) -> None:
    parameters = sum((d + 1) * e for d, e in pairwise(shape))
    if len(shape) < 2 or max(shape) > MOST_UNITS or parameters > MOST_PARAMETERS:
        raise UserError(
            f"--layers {','.join(map(str, shape))}: from the input's size to the output's, such as "
            f"2,3,1, with at most {MOST_UNITS} units in a layer and {MOST_PARAMETERS} parameters, "
            "or nobody could follow."
        )


def _network(shape: tuple[int, ...], activation: str, output: str, loss: str, backend: str) -> Any:
    from gpubackprop import Network

    names: dict[str, Any] = {  # of which it refuses wrong ones
        "activation": activation,
        "output_activation": output,
        "loss": loss,
        "backend": backend,
    }
    try:
        return Network(shape, **names, dtype="float64", random_state=0)
    except (ValueError, RuntimeError) as error:
        raise UserError(str(error)) from None


def _drawn(
    numbers: Numbers, shape: tuple[int, ...], loss: str
) -> tuple[list[Array], list[Array], Array, Array]:
    """Draw weights, biases, x and y of one decimal: short enough to type."""
    generator, B = np.random.default_rng(numbers.seed), numbers.examples or 1

    def draw(*size: int) -> Array:
        values: Array = generator.integers(1, 11, size) / 10
        values *= generator.choice([-1.0, 1.0], size)
        return values

    weights = [draw(e, d) for d, e in pairwise(shape)]
    biases = [draw(e).reshape(1, -1) for e in shape[1:]]
    x = draw(shape[0], B)
    y = np.eye(shape[-1])[:, generator.integers(shape[-1], size=B)]
    return weights, biases, x, y + 0.5 if loss == "gamma" else y


def _require_targets(loss: str, y: Array) -> None:
    """Refuse targets that the loss has no value for."""
    whole = loss in ("cross_entropy", "focal")
    wanted, right = "", True
    if loss in ("gamma", "poisson"):
        wanted = "above 0" if loss == "gamma" else "at least 0"
        right = bool((y > 0).all() if loss == "gamma" else (y >= 0).all())
    elif whole or loss in ("binary_cross_entropy", "binary_focal"):
        wanted = "from 0 to 1" + ", and 1 in the sum of each example" * whole
        right = bool(((y >= 0) & (y <= 1)).all())
        right = right and (not whole or bool(np.allclose(y.sum(axis=0), 1)))
    if not right:
        rows = "; ".join(",".join(f"{value:g}" for value in row) for row in y.T)
        raise UserError(f"--y {rows}: the loss {loss} takes numbers {wanted}")
