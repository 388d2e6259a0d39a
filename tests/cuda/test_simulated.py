"""Each file in simulated/ in a process of its own: Numba reads the variable when it is imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
AS_LARGE = {"test_large", "test_one_pass", "test_simulator"}
"""Files that run the kernels in blocks as large as a GPU's; others are content with two warps."""


@pytest.mark.parametrize(
    "file", sorted((HERE / "simulated").glob("test_*.py")), ids=lambda p: p.stem
)
def test_kernels_in_the_simulator(file):
    outer = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    tile = {} if file.stem in AS_LARGE else {"TILE_ROWS": "8"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(file), "-q", "-p", "no:cacheprovider"],
        cwd=ROOT,
        env={**outer, "NUMBA_ENABLE_CUDASIM": "1", **tile},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    if done.returncode:
        pytest.fail(done.stdout, pytrace=False)
