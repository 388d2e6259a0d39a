"""What processors machine code is compiled for: a level that many share, else one processor.

Code of one level is the same wherever it was compiled, so results do not depend on whether it came
with the package or was compiled by the machine that runs it.
"""

import platform
from functools import cache
from typing import NamedTuple

import llvmlite.binding as llvm

VECTOR_BYTES = 64
"""Of a wide vector."""


class Target(NamedTuple):
    """A processor, or all that have the instruction sets of a level."""

    cpu: str
    """Name of the processor or level, as LLVM knows it."""
    features: str = ""
    """Instruction sets besides those that the name stands for, as LLVM writes them."""

    @property
    def has_wide_vectors(self) -> bool:
        """Whether it has 32 registers of `VECTOR_BYTES`, those of AVX-512."""
        return self.cpu == "x86-64-v4"


_V3 = {"avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe"}
_V4 = {*_V3, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
_X86 = {Target("x86-64-v4"): _V4, Target("x86-64-v3"): _V3}
_ARM: dict[Target, set[str]] = {Target("generic", "+neon"): set()}
_LEVELS = {"x86_64": _X86, "AMD64": _X86, "aarch64": _ARM, "arm64": _ARM}
"""Levels by architecture, the highest first, each with what a processor needs to have."""


def levels() -> tuple[Target, ...]:
    """Return the levels of this machine's architecture; older processors have none of them."""
    return tuple(_LEVELS.get(platform.machine(), {}))


@cache
def own_target() -> Target:
    """Return the highest level that this processor has, or the very processor if it has none."""
    features = llvm.get_host_cpu_features()
    has = {name for name, present in features.items() if present}
    for level, needed in _LEVELS.get(platform.machine(), {}).items():
        if needed <= has:
            return level
    return Target(llvm.get_host_cpu_name(), features.flatten())
