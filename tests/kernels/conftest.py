"""What the tests of the primitives share: the kernels modules, dtypes, fresh interpreters."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gpubackprop
from gpubackprop import kernels as kernels_package
from gpubackprop.kernels import compiled, reference

KERNELS = {"reference": reference, "compiled": compiled.kernels}
"""The CPU's; the GPU's tests are in tests/cuda."""


@pytest.fixture(params=KERNELS)
def kernels(request):
    return KERNELS[request.param]


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


@pytest.fixture
def steps():
    """Steps of an optimizer that are compared."""
    return 100


@pytest.fixture
def rng():
    return np.random.default_rng(20240229)


@pytest.fixture
def run_python(tmp_path):
    """Run code in a fresh interpreter, with an empty compile cache unless told otherwise."""

    started = []

    def run(code, **environment):
        return finish(start(code, **environment))

    def start(code, **environment):
        default = {"GPUBACKPROP_CACHE_DIR": str(tmp_path / "cache")}
        merged = {**os.environ, **default, **environment}
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code],
            env={name: value for name, value in merged.items() if value is not None},
            cwd=tmp_path,  # not the checkout: what is tested is what is installed
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    def finish(process):
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        return out.strip()

    run.start, run.finish = start, finish
    yield run
    for process in started:
        process.kill()  # what a failed test left running
        process.communicate()


@pytest.fixture
def copied_package(tmp_path):
    """A copy of the sources as a wheel installs them, for tests that edit or guard them."""
    site = tmp_path / "site"
    ignore = shutil.ignore_patterns("__pycache__")
    package = Path(gpubackprop.__file__).parent
    shutil.copytree(package, site / "gpubackprop", ignore=ignore)
    inside = site / "gpubackprop" / "kernels"
    shutil.copytree(
        Path(kernels_package.__file__).parent, inside, ignore=ignore, dirs_exist_ok=True
    )
    return site
