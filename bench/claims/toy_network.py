"""The derivation's toy network, and one step against its gradient."""

from typing import Any

import numpy as np

from ...network import Network
from ...network_records import Gradients
from ..processes.own_process import own_process
from ..report.pictures import COLOURS, GREY, beside, panel
from ..report.section import Figures, Section, always
from .judging import NOT, verdict

X, Y, RATE = (1.0, 0.0), (1.0,), 1.0
BEFORE, AFTER = 0.0850, 0.0846
"""The loss before and after, as the text prints them."""
PRINTED, ROUNDED = 0.5e-4, 1e-4
"""Half a unit of their last digit, and one: the text computes with rounded numbers."""
CASES = {"W1_11 alone": True, "all parameters": False}


def toy() -> Network:
    """The network as the text sets it up."""
    net = Network((2, 2, 1), "sigmoid", "sigmoid", dtype="float64", random_state=0)
    net.weights[0][...] = [[0.5, 1.0], [-1.0, 1.0]]
    net.weights[1][...] = [[1.0, -1.0]]
    for b in net.biases:
        b[...] = 0
    return net


def measure(case: str, quick: bool) -> Figures:
    """Step against the gradient, or one weight's part of it, at rates around the text's."""
    rates = np.linspace(0, 20 * RATE, 11 if quick else 101)
    before = toy().forward(X)
    grads = toy().backward(before, Y)
    chosen = first_weight(grads) if CASES[case] else grads
    return {
        "case": case,
        "before": toy().loss(before, Y),
        "after": loss_after(chosen, RATE),
        "rates": rates.tolist(),
        "losses": [loss_after(chosen, rate) for rate in rates],
    }


def first_weight(grads: Gradients) -> Gradients:
    """Return the gradient with zeros for all parameters but W1_11."""
    weights, biases = (
        tuple(np.zeros_like(array) for array in arrays) for arrays in (grads.weights, grads.biases)
    )
    weights[0][0, 0] = grads.weights[0][0, 0]
    return grads._replace(weights=weights, biases=biases)


def loss_after(grads: Gradients, rate: float) -> float:
    """Return the loss after one step from the text's parameters."""
    net = toy()
    net.step(grads, rate)
    return net.loss(net.forward(X), Y)


def cells(figures: Figures) -> list[str]:
    return [figures["case"], f"{figures['before']:.6f}", f"{figures['after']:.6f}"]


def conclusions(rows: list[Figures]) -> list[str]:
    if len(rows) < len(CASES):
        return []  # the verdict compares both rows
    after = {figures["case"]: figures["after"] for figures in rows}
    before, (one, all_of_them) = rows[0]["before"], (after[case] for case in CASES)
    off = max(abs(before - BEFORE), abs(one - AFTER))
    falls = all_of_them < one < before
    word = verdict(off, PRINTED, ROUNDED) if falls else NOT
    losses = ", ".join(f"to {loss:.5f} with {case}" for case, loss in after.items())
    return [
        f"{word}: a step at rate {RATE:g} takes the loss from {before:.5f} {losses}; "
        f"the text's {BEFORE:.4f} and {AFTER:.4f} are {off:.5f} off at the most, "
        "being computed with rounded numbers"
    ]


def draw(figure: Any, rows: list[Figures]) -> None:
    title = "Loss of the toy network after one step against the gradient"
    axes = panel(figure.subplots(), title, "learning rate of the step", "loss")
    axes.axvline(RATE, color=GREY, linestyle=":")
    for colour, figures in zip(COLOURS, rows, strict=False):
        axes.plot(figures["rates"], figures["losses"], color=colour)
        axes.plot([RATE], [figures["after"]], color=colour, marker="o")
        last = figures["rates"][-1], figures["losses"][-1]
        beside(axes, *last, figures["case"], colour, xytext=(0, 8), ha="right")
    axes.set_ylim(bottom=0)
    beside(axes, RATE, 0, "the text's step", GREY, xytext=(5, 8))


SECTION = Section(
    name="toy_network",
    title=(
        "Changing the one weight W1_11 against its gradient drops the loss from 0.0850 to 0.0846; "
        "updating all weights together moves it down further still"
    ),
    about=(
        "The text's network of two inputs, two hidden units and one output, sigmoids, x = (1, 0), "
        f"y = 1, and one step at rate {RATE:g}; pictured are other rates too. Float64, on the CPU."
    ),
    header=["changed", "loss before", "loss after"],
    cases=always(*CASES),
    measuring=own_process(__name__),
    cells=cells,
    conclusions=conclusions,
    draw=draw,
)
