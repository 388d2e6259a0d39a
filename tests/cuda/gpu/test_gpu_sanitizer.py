"""NVIDIA's compute-sanitizer finds nothing in our kernels while a small network is trained."""

import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.gpu

TOOL = shutil.which("compute-sanitizer") or shutil.which("/usr/local/cuda/bin/compute-sanitizer")

FIT = """
import logging
import warnings

import cupy
import numpy as np

from gpubackprop import MLPClassifier, MLPRegressor
from gpubackprop.backends.cuda.memory import DeviceMemory

cupy.cuda.set_allocator(None)  # no pool: an array's end is memory's end
warnings.simplefilter("ignore")
logging.basicConfig(level=logging.INFO)
rows = np.arange(300)
X = np.random.default_rng(0).standard_normal((300, 7)).astype(np.float32)


def fit(estimator, y, weight=(), hidden=(33, 5), batch_size=290, **settings):
    settings.update(hidden_layer_sizes=hidden, batch_size=batch_size, max_iter=2, device="cuda")
    estimator(**settings).fit(X, y, *weight)


for activation in ("relu", "tanh", "logistic"):
    fit(MLPClassifier, rows % 3, activation=activation)
    fit(MLPRegressor, X[:, 0], hidden=(9,), solver="sgd", activation=activation)
fit(MLPClassifier, rows % 2, [1.0 + rows % 5])
fit(MLPClassifier, rows % 40)
fit(MLPRegressor, rows % 3, loss="poisson")
fit(MLPClassifier, rows % 3, solver="lbfgs")
DeviceMemory.available = lambda memory: (64 << 20) + 32_000  # for two batches of the rows
fit(MLPClassifier, rows % 3, batch_size=32)
print("trained")
"""
"""Each loss, some weights, more classes than a warp has lanes, both ways of training, a stream."""

OURS_ONLY = ["--kernel-name", "kernel_substring=gpubackprop"]
"""NVIDIA's own kernels may read what they do not use, and have hazards that they mean."""
QUIET = ["--report-api-errors", "no"]
"""CuPy provokes errors of CUDA's functions, and handles them."""

CHECKS = {"memcheck": QUIET, "racecheck": OURS_ONLY, "initcheck": OURS_ONLY}


@pytest.mark.skipif(TOOL is None, reason="compute-sanitizer is not installed")
@pytest.mark.parametrize("check", CHECKS)
def test_nothing_is_found(check):
    command = [TOOL, "--tool", check, *CHECKS[check], "--error-exitcode", "99"]
    done = subprocess.run(
        [*command, sys.executable, "-c", FIT],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    streamed = "64 rows at a time" in done.stdout
    if done.returncode or not streamed or "trained" not in done.stdout:
        pytest.fail(done.stdout[-5000:], pytrace=False)
