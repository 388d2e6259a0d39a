"""NVIDIA's compute-sanitizer finds nothing in our kernels while a small network is trained."""

import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.gpu

TOOL = shutil.which("compute-sanitizer") or shutil.which("/usr/local/cuda/bin/compute-sanitizer")

FIT = """
import warnings

import cupy
import numpy as np

from gpubackprop import MLPClassifier, MLPRegressor

cupy.cuda.set_allocator(None)  # no pool: an array's end is memory's end
warnings.simplefilter("ignore")
X = np.random.default_rng(0).standard_normal((300, 7)).astype(np.float32)
for activation in ("relu", "tanh", "logistic"):
    settings = dict(activation=activation, max_iter=2, batch_size=290, device="cuda")
    MLPClassifier((33, 5), **settings).fit(X, np.arange(300) % 3)
    MLPRegressor((9,), solver="sgd", **settings).fit(X, X[:, 0])
print("trained")
"""


OURS_ONLY = ["--kernel-name", "kernel_substring=gpubackprop"]
"""NVIDIA's own kernels may read what they do not use."""

CHECKS = {"memcheck": [], "racecheck": [], "initcheck": OURS_ONLY}


@pytest.mark.skipif(TOOL is None, reason="compute-sanitizer is not installed")
@pytest.mark.parametrize("check", CHECKS)
def test_nothing_is_found(check):
    command = [TOOL, "--tool", check, *CHECKS[check], "--error-exitcode", "99"]
    done = subprocess.run(
        [*command, sys.executable, "-c", FIT],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    if done.returncode or "trained" not in done.stdout:
        pytest.fail(done.stdout[-5000:], pytrace=False)
