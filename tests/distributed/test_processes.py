"""Processes compute the numbers of one process: started by mpiexec, and by torchrun."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
LIMIT_SECONDS = 300
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
def test_ranks_of_mpi():
    program = [sys.executable, "-m", "tests.distributed.on_ranks", "mpi", "slices,shards", *CASES]
    returned, output = run_to_its_end([mpiexec(), "-n", "2", *program], **ROOT_MAY_RUN)
    assert (returned, output.count("compared")) == (0, 2 * len(CASES)), output


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")
def test_ranks_of_torchrun():
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    program = ["-m", "tests.distributed.on_ranks", "torch", "shards", *CASES]
    returned, output = run_to_its_end([*launcher, "--nproc-per-node", "2", *program])
    assert (returned, output.count("compared")) == (0, len(CASES)), output


FAILING = """
import numpy as np
from mpi4py import MPI
from gpubackprop import MLPClassifier, data_parallel
from gpubackprop.distributed import mpi_group
mpi_group.PATIENCE_SECONDS = 2.0
X, y = np.ones((8, 2)), np.arange(8) % 2
for fails in ((0, 1), (1,)):
    rows = X * np.nan if MPI.COMM_WORLD.rank in fails else X
    try:
        with data_parallel():
            MLPClassifier(max_iter=1).fit(rows, y)
    except ValueError as error:
        print("raised", "NaN" in str(error), flush=True)
"""


@needs_mpi
def test_ranks_that_fail():
    """Both alike: each has its error. One alone: it says so and ends the job."""
    command = [mpiexec(), "-n", "2", sys.executable, "-c", FAILING]
    returned, output = run_to_its_end(command, **ROOT_MAY_RUN)
    assert output.count("raised True") == 2, output
    assert "rank 1 failed alone: all ranks end" in output
    assert output.count("Input X contains NaN") == 1
    assert returned != 0


TERMINATED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from mpi4py import MPI
from gpubackprop import Backup, MLPRegressor, data_parallel
comm, folder = MPI.COMM_WORLD, Path(sys.argv[1])
pids = comm.allgather(os.getpid())
signal.signal(signal.SIGTERM, lambda *_: sys.exit())

def terminate(estimator, record):
    if record.epoch == 3:
        os.kill(pids[1], signal.SIGTERM)

def fitted(max_iter, *callbacks):
    X = np.random.default_rng(0).standard_normal((20, 3))
    model = MLPRegressor(hidden_layer_sizes=(4,), max_iter=max_iter, random_state=0)
    try:
        with data_parallel():
            model.set_params(n_iter_no_change=np.inf, callbacks=callbacks).fit(X, X[:, 0])
    except SystemExit:
        print(f"saved {(folder / 'fit.backup').exists()}", flush=True)
    return model

# Far more epochs than a signal takes
ended = fitted(1_000_000, Backup(folder), terminate).n_iter_
resumed, whole = fitted(ended + 2, Backup(folder)), fitted(ended + 2)
print(f"same {resumed.loss_curve_ == whole.loss_curve_}", flush=True)
"""


@needs_mpi
def test_a_rank_that_is_terminated(tmp_path):
    """All end, whichever the signal reaches, and what they had reached is saved."""
    program = [sys.executable, "-W", "ignore", "-c", TERMINATED, str(tmp_path)]
    returned, output = run_to_its_end([mpiexec(), "-n", "2", *program], **ROOT_MAY_RUN)
    assert returned == 0, output
    assert (output.count("saved True"), output.count("same True")) == (2, 2), output
