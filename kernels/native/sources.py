"""Which sources machine code is made of, and their hash."""

import hashlib
from functools import cache
from pathlib import Path

_KERNELS = Path(__file__).parent.parent
NAMES = (
    *("blas.py", "blas_library.py", "elementary.py", "elementwise.py", "formulas.py", "gemm.py"),
    *("kernel.py", "loops.py", "numba_contract.py", "philox.py", "replay_loops.py"),
    *("product_loops.py", "update_loops.py"),
    *("native/arguments.py", "native/compiler.py", "native/denormals.py", "native/entry.py"),
    *("native/intrinsics.py", "native/loader.py", "native/targets.py", "native/tiles.py"),
)
"""The CPU's loops, the compiler, and all that either imports."""


@cache
def digest() -> str:
    """Hash of these sources."""
    found = hashlib.sha256()
    for name in NAMES:
        found.update(name.encode() + (_KERNELS / name).read_bytes())
    return found.hexdigest()
