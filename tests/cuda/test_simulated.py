"""The files in simulated/, in processes of their own: Numba reads the variable on import."""

import os
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
LARGE, TWO_WARPS, ONE_WARP = "32", "8", "4"
"""Rows of threads of a block: a GPU's, those that kernels are content with, the fewest."""
TOGETHER = {
    ("large", "one_pass"): LARGE,
    ("primitives",): TWO_WARPS,
}
"""Files by the process that runs them; the others share one, as they are about other things."""
NAMES = sorted(path.stem.removeprefix("test_") for path in (HERE / "simulated").glob("test_*.py"))
OTHERS = tuple(name for name in NAMES if name not in chain(*TOGETHER))


@pytest.mark.parametrize(
    ("names", "rows"),
    [*TOGETHER.items(), (OTHERS, ONE_WARP)],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_kernels_in_the_simulator(names, rows):
    outer = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    files = [str(HERE / "simulated" / f"test_{name}.py") for name in names]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *files, "-q", "-p", "no:cacheprovider"],
        cwd=ROOT,
        env={**outer, "NUMBA_ENABLE_CUDASIM": "1", "TILE_ROWS": rows},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    if done.returncode:
        pytest.fail(done.stdout, pytrace=False)
