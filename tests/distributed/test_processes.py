"""Processes compute the numbers of one process: started by mpiexec, and by torchrun."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
LIMIT_SECONDS = 120
CASES = ["weights", "early stopping", "lbfgs"]
"""All of `cases.CASES` were run by hand; these meet every exchange."""


def mpiexec():
    """The launcher of the MPI that is installed beside this Python, else the system's."""
    beside = Path(sys.executable).with_name("mpiexec")
    return str(beside) if beside.exists() else shutil.which("mpiexec")


def run_to_its_end(command, **environment):
    """Run a launcher in a process group of its own; end all of that group if it takes too long."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        output, _ = process.communicate()
        pytest.fail(f"no end after {LIMIT_SECONDS} s: {output}", pytrace=False)
    return process.returncode, output


ROOT_MAY_RUN = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}

needs_mpi = pytest.mark.skipif(
    find_spec("mpi4py") is None or mpiexec() is None, reason="mpi4py and an MPI are not installed"
)


@needs_mpi
@pytest.mark.parametrize("deal", ["slices", "shards"])
def test_ranks_of_mpi(deal):
    program = [sys.executable, "-m", "tests.distributed.on_ranks", "mpi", deal, *CASES]
    returned, output = run_to_its_end([mpiexec(), "-n", "2", *program], **ROOT_MAY_RUN)
    assert (returned, output.count("compared")) == (0, len(CASES)), output


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")
def test_ranks_of_torchrun():
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    program = ["-m", "tests.distributed.on_ranks", "torch", "shards", *CASES]
    returned, output = run_to_its_end([*launcher, "--nproc-per-node", "2", *program])
    assert (returned, output.count("compared")) == (0, len(CASES)), output


ONE_FAILS = """
import numpy as np
from mpi4py import MPI
from gpubackprop import MLPClassifier, data_parallel
from gpubackprop.distributed import mpi_group
mpi_group.PATIENCE_SECONDS = 0.2
X, y = np.ones((8, 2)), np.arange(8) % 2
if {who}:
    X[0] = np.nan
try:
    with data_parallel():
        MLPClassifier(max_iter=1).fit(X, y)
except ValueError as error:
    print("told", "NaN" in str(error), flush=True)
"""


@needs_mpi
def test_a_rank_that_fails_alone_ends_the_job():
    program = ONE_FAILS.format(who="MPI.COMM_WORLD.rank == 1")
    command = [mpiexec(), "-n", "2", sys.executable, "-c", program]
    returned, output = run_to_its_end(command, **ROOT_MAY_RUN)
    assert returned != 0
    assert "rank 1 failed alone: all ranks end" in output
    assert "Input X contains NaN" in output
    assert "told" not in output


@needs_mpi
def test_ranks_that_fail_alike_raise_their_error():
    program = ONE_FAILS.format(who="True")
    command = [mpiexec(), "-n", "2", sys.executable, "-c", program]
    returned, output = run_to_its_end(command, **ROOT_MAY_RUN)
    assert (returned, output.count("told True")) == (0, 2), output
