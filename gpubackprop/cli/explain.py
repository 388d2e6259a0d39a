"""``gpubackprop explain``: one step of backpropagation with every number put in."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import numpy as np
import typer

from gpubackprop.cli.example import MOST_EXAMPLES, Numbers, example
from gpubackprop.cli.options import require_positive
from gpubackprop.cli.terminal import Terminal
from gpubackprop.cli.walk import Walk

number = partial(typer.Option, rich_help_panel="Your own numbers")


def explain(
    layers: Annotated[
        str | None,
        typer.Option(help="Layer sizes of another small network, its weights drawn: 2,3,1"),
    ] = None,
    x: Annotated[
        str | None, number(help="Your example, '1,0', or a mini-batch of some: '1,0; 0,1'.")
    ] = None,
    y: Annotated[str | None, number(help="Its targets, likewise.")] = None,
    weights: Annotated[
        str | None,
        number(help="The layers' weights, a row for each unit: '0.5,1; -1,1 / 1,-1'."),
    ] = None,
    biases: Annotated[str | None, number(help="Their biases: '0,0 / 0'.")] = None,
    examples: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_EXAMPLES, help="Draw a mini-batch of this size."),
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
    seed: Annotated[int, typer.Option(min=0, help="Seed of what is drawn.")] = 0,
    backend: Annotated[str, typer.Option(help="The code that computes; 'info' lists it.")] = "auto",
) -> None:
    """Walk through one step of backpropagation, every number shown.

    Without options: a network of 2-2-1 with sigmoids, x = (1, 0) and y = 1. A pocket calculator is
    enough to follow.
    """
    require_positive("--learning-rate", learning_rate)
    console = Terminal()
    numbers = Numbers(layers, x, y, weights, biases, examples, seed)
    start = example(numbers, activation, output_activation, loss, backend)
    with np.errstate(all="ignore"):  # what overflows is shown as inf, and told of
        for line in Walk(start, learning_rate).lines():
            console.print(line)
    console.print("\nNext: gpubackprop explain --x '1,0; 0,1' --y '1; 0', or gpubackprop train")
