"""Backpropagation's gradients beside those of reverse-mode automatic differentiation."""

from statistics import median
from typing import Any

import numpy as np

from ...kernels.formulas import ELEMENTWISE, PAIRINGS
from ...network import Network
from ...network_arguments import ACTIVATION_OF, LOSS_OF
from ..processes.own_process import own_process
from ..report.pictures import panel
from ..report.section import Figures, Section, always
from .judging import verdict
from .libraries import LIBRARIES, Library, loss_of

SIZES, QUICK_SIZES, BATCH = (20, 64, 48, 10), (5, 8, 6, 3), 64
NAMES = [name for name in ACTIVATION_OF if name != "logistic"]  # the sigmoid by another name
HIDDEN = [name for name in NAMES if ACTIVATION_OF[name] in ELEMENTWISE]
HEADS = [(l, o) for l, f in LOSS_OF.items() for o in NAMES if ACTIVATION_OF[o] in PAIRINGS[f]]
"""Each loss with each output activation that it has a formula for; last the usual of each loss."""
ROUNDING, MORE_THAN_THAT = 64.0, 1000.0
"""Machine epsilons: sums of up to 64 terms, added in another order; what is rounding no longer."""


def measure(case: str, quick: bool) -> Figures:
    """Compare the gradients of every pairing."""
    name, dtype = case.split()
    library = LIBRARIES[name]()
    hiddens, heads = (HIDDEN[:1], HEADS[-3:]) if quick else (HIDDEN, HEADS)
    errors = {
        hidden: [error(library, dtype, hidden, head, quick) for head in heads] for hidden in hiddens
    }
    return {"case": case, "heads": [f"{o}, {l}" for l, o in heads], "errors": errors}


def error(library: Library, dtype: str, hidden: str, head: tuple[str, str], quick: bool) -> float:
    """Largest difference of a gradient over the largest value of its array, in epsilons."""
    loss, output = head
    sizes = QUICK_SIZES if quick else SIZES
    names: dict[str, Any] = {"activation": hidden, "output_activation": output, "loss": loss}
    net = Network(sizes, **names, dtype=np.dtype(dtype), device="cpu", random_state=0)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((BATCH, sizes[0])).astype(dtype)
    Y = np.eye(sizes[-1], dtype=dtype)[rng.integers(sizes[-1], size=BATCH)]
    grads = net.backward(net.forward(X.T), Y.T)
    function = loss_of(library, hidden, head, library.array(X), library.array(Y))
    at = [library.array(np.array(values)) for values in (*net.weights, *net.biases)]
    pairs = zip((*grads.weights, *grads.biases), library.gradient(function, at), strict=True)
    worst = max(float(np.abs(ours - theirs).max() / np.abs(theirs).max()) for ours, theirs in pairs)
    return float(worst / np.finfo(dtype).eps)


def cells(figures: Figures) -> list[str]:
    every = {
        f"{hidden}; {head}": value
        for hidden, values in figures["errors"].items()
        for head, value in zip(figures["heads"], values, strict=True)
    }
    worst = max(every, key=lambda pairing: every[pairing])
    return [
        figures["case"],
        str(len(every)),
        f"{median(every.values()):.2f}",
        f"{every[worst]:.2f}",
        worst,
    ]


def worst_of(figures: Figures) -> float:
    return float(max(max(values) for values in figures["errors"].values()))


def _pairings(rows: list[Figures]) -> int:
    return sum(len(values) for figures in rows for values in figures["errors"].values())


def conclusions(rows: list[Figures]) -> list[str]:
    worst = max(map(worst_of, rows))
    by_case = ", ".join(f"{worst_of(figures):.1f} with {figures['case']}" for figures in rows)
    return [
        f"{verdict(worst, ROUNDING, MORE_THAN_THAT)}: the gradients differ by rounding; "
        f"largest differences in machine epsilons: {by_case}; {_pairings(rows)} pairings in all"
    ]


def draw(figure: Any, rows: list[Figures]) -> None:
    figure.set_size_inches(12, 5)
    panels = figure.subplots(1, len(rows), sharey=True, squeeze=False)[0]
    top = max(map(worst_of, rows))
    for axes, figures in zip(panels, rows, strict=True):
        errors, heads = figures["errors"], figures["heads"]
        panel(axes, figures["case"], "hidden layers", "")
        image = axes.imshow(
            np.transpose([*errors.values()]), cmap="Blues", vmin=0, vmax=top, aspect="auto"
        )
        axes.grid(False)
        axes.set_xticks(range(len(errors)), list(errors), rotation=90)
        axes.set_yticks(range(len(heads)), map(_in_two_lines, heads))
        for x, values in enumerate(errors.values()):
            for y, value in enumerate(values):
                colour = "white" if value > 0.6 * top else "black"
                axes.text(x, y, f"{value:.1f}", ha="center", va="center", color=colour)
    figure.colorbar(image, ax=panels, label="largest difference, machine epsilons", pad=0.02)


def _in_two_lines(head: str) -> str:
    return head.replace(", ", "\n").replace("_", " ")


SECTION = Section(
    name="autodiff",
    title=(
        "Modern frameworks' reverse-mode automatic differentiation is the same algorithm as "
        "backpropagation"
    ),
    about=(
        "Gradients of our Network beside those of PyTorch's autograd and JAX's grad of the loss "
        "written in their own operations, on the CPU: every pairing of hidden activation, output "
        f"activation and loss, layers of {', '.join(map(str, SIZES))}, {BATCH} examples. The "
        "largest difference over the largest value of each array of parameters, in machine "
        "epsilons."
    ),
    header=["library, type", "pairings", "median", "worst", "where: hidden; output, loss"],
    cases=always(*(f"{name} {dtype}" for name in LIBRARIES for dtype in ("float32", "float64"))),
    measuring=own_process(__name__),
    cells=cells,
    conclusions=conclusions,
    draw=draw,
)
