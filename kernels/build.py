"""Compile all kernels that a wheel brings along: `python -m gpubackprop.kernels.build FOLDER`."""

import argparse
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from . import loops, product_loops, replay_loops, update_loops
from .formulas import ELEMENTWISE, Activation, AdamForm, Loss
from .kernel import Kernel
from .native import shipped
from .native.compiler import compile_together, lowered
from .native.targets import Target, levels

VARIANTS: dict[str, list[tuple[Any, ...]]] = {
    "activate": [(activation,) for activation in (*ELEMENTWISE, Activation.EXP)],
    "activate_and_slope": [(each,) for each in ELEMENTWISE if each.reads_pre_activation],
    "hadamard": [(), *((activation,) for activation in ELEMENTWISE)],
    "output_delta": [(loss,) for loss in Loss],
    "adam": [(form,) for form in AdamForm],
}
"""Constants that kernels are specialised for, by the factory's name; the others have none."""
MOST_PROCESSES = 4
"""That compile side by side; each takes some 180 MB."""


def every_kernel() -> Iterator[tuple[Kernel, np.dtype[Any]]]:
    """Yield each of the CPU's kernels, in each of its variants, with each of its types."""
    for module in (loops, product_loops, update_loops, replay_loops):
        for declared in vars(module).values():
            if isinstance(declared, Kernel):
                variants = VARIANTS.get(declared.factory.__name__, [()])
                for variant, real in product(variants, _types(declared)):
                    yield declared.of(*variant), np.dtype(real)


def _types(kernel: Kernel) -> tuple[type, ...]:
    """Types that calls of a kernel can have."""
    decided = any(kind.decides for _, kind in kernel.parameters)
    return (np.float32, np.float64) if decided else (np.float64,)


KERNELS = tuple(every_kernel())


def run_by(target: Target, texts: Mapping[str, str]) -> dict[str, str]:
    """Leave out of all kernels, by their names, those that a processor never runs."""
    tiles = {product_loops.multiply.name(np.dtype(real)) for real in (np.float32, np.float64)}
    return {
        name: text for name, text in texts.items() if target.has_wide_vectors or name not in tiles
    }


def main() -> None:
    """Compile for all levels of this machine's architecture, in several processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the package's machine code belongs")
    folder = parser.parse_args().folder
    with ProcessPoolExecutor(min(os.cpu_count() or 1, MOST_PROCESSES)) as processes:
        texts = dict(processes.map(_lowered, range(len(KERNELS))))
        of_levels = [run_by(target, texts) for target in levels()]
        codes = processes.map(compile_together, of_levels, levels())
        for target, code in zip(levels(), codes, strict=True):
            shipped.write(folder, target, code)


def _lowered(number: int) -> tuple[str, str]:
    """Lower one of `KERNELS`, by its number: a kernel has no pickle."""
    kernel, real = KERNELS[number]
    return kernel.name(real), lowered(kernel, real)


if __name__ == "__main__":
    main()
