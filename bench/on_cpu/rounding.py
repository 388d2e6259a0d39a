"""What `precision` costs in accuracy, emulated: a product's operands rounded as a GPU rounds them.

They are rounded to the nearest, to even where two are as near; products and sums are float32's.
"""

from types import SimpleNamespace

import numpy as np

from ...backends import Backend, select
from ...backends.backend import Run, Step
from ...kernels import reference
from ...kernels.formulas import Activation
from ..on_gpu.precision import BATCH, ERRORS, errors
from ..on_gpu.step import of_batch
from ..problems import Array
from ..processes.own_process import own_process
from ..report.section import Figures, Section, always

FRACTION = {"tf32": 10, "bf16": 7}
"""Bits that an operand keeps; float32 has 23."""


def measure(case: str, quick: bool) -> Figures:
    """Compare an epoch with float64's."""
    exact = select("reference", "cpu")
    backend = rounding(FRACTION[case]) if case in FRACTION else exact
    return {"case": case, "error": errors(of_batch(BATCH, quick), "float32", backend, exact)}


def rounding(fraction: int) -> Backend:
    """Make the reference backend with rounded operands in its matrix products."""

    def near(M: Array) -> Array:
        return rounded(M, fraction)

    def dense(A: Array, W: Array, b: Array, activation: Activation, Z: Array, out: Array) -> None:
        reference.dense(near(A), near(W), b, activation, Z, out)

    def weight_grad(A: Array, delta: Array, grad_W: Array) -> None:
        reference.weight_grad(near(A), near(delta), grad_W)

    def hidden_delta(delta: Array, W: Array, A: Array, activation: Activation, out: Array) -> None:
        reference.hidden_delta(near(delta), near(W), A, activation, out)

    changed = {"dense": dense, "weight_grad": weight_grad, "hidden_delta": hidden_delta}
    kernels, plain = SimpleNamespace(**{**vars(reference), **changed}), select("reference", "cpu")

    def prepare(step: Step, multiply_adds: int) -> Run:
        return plain.prepare(lambda _: step(kernels), multiply_adds)

    return plain._replace(kernels=kernels, prepare=prepare)


def rounded(M: Array, fraction: int) -> Array:
    """Round float32 to a number of bits of fraction.

    >>> rounded(np.float32([1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20]), 7) - 1
    array([0.       , 0.015625 , 0.0078125], dtype=float32)
    """
    bits, lost = M.astype(np.float32).view(np.uint32), np.uint32(23 - fraction)
    one = np.uint32(1)
    bits += ((bits >> lost) & one) + (one << (lost - one)) - one
    return (bits >> lost << lost).view(np.float32)


def cells(figures: Figures) -> list[str]:
    return [figures["case"], *(f"{error:.1e}" for error in figures["error"].values())]


SECTION = Section(
    name="rounding",
    title="Precisions of a GPU, emulated on the CPU: operands rounded as a GPU's tensor cores do",
    about=(
        f"1024 features, h(2048, 2048), 10 classes, batch {BATCH}; errors against float64, "
        "relative: ||found - exact|| / ||exact||."
    ),
    header=["precision, emulated", *ERRORS],
    cases=always("float32", *FRACTION),
    measuring=own_process(__name__),
    cells=cells,
    conclusions=lambda rows: [
        "emulated on the CPU, not run on a GPU, which adds up in another order; there `precision` "
        "measures the same",
        "a gradient is further off than a product: some units' ReLU falls on the other side of 0",
    ],
)
