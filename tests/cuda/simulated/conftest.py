"""Tests of kernels in the simulator; `test_simulated.py` runs them in processes of their own.

By hand: NUMBA_ENABLE_CUDASIM=1 python -m pytest tests/cuda/simulated
"""

import os

import pytest

if os.environ.get("NUMBA_ENABLE_CUDASIM") != "1":
    raise pytest.UsageError(
        "these tests need a simulated GPU: NUMBA_ENABLE_CUDASIM=1 python -m pytest ..."
    )
