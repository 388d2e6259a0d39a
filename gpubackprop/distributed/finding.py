"""The group that this process belongs to: given, or found by what has started it."""

import os
import sys
from importlib import import_module
from typing import Any

from ..kernels.group import Group
from .mpi_group import MPIGroup
from .torch_group import TorchGroup

_COUNTS_OF_MPI = (
    "PMI_SIZE",  # MPICH, Intel MPI
    "OMPI_COMM_WORLD_SIZE",
    "MPI_LOCALNRANKS",
)
_COUNT_OF_SLURM = "SLURM_STEP_NUM_TASKS"
_COUNT_OF_TORCHRUN = "WORLD_SIZE"


def group_of(given: Any) -> Group | None:
    """Make a group of what `data_parallel` was given, or find one; None for a process alone.

    TypeError if it is no communicator and no group; RuntimeError or ImportError, with the cure, if
    processes were started together that cannot talk to each other.
    """
    if given is None:
        return _found()
    module = type(given).__module__
    if module.startswith("mpi4py."):
        return MPIGroup(given)
    if module.startswith("torch."):
        return TorchGroup(given)
    if all(hasattr(given, name) for name in ("index", "size", "all_reduce", "exchange", "abort")):
        group: Group = given
        return group
    raise TypeError(
        "group must be a communicator of mpi4py, a process group of torch.distributed or an object "
        f"with index, size, all_reduce, exchange and abort, got {given!r}"
    )


def _found() -> Group | None:
    torch = sys.modules.get("torch.distributed")
    if torch is not None and torch.is_available() and torch.is_initialized():
        return TorchGroup()
    started = started_together()
    if started > 1:
        return _of_mpi(started)
    if _count(_COUNT_OF_TORCHRUN) > 1:
        raise RuntimeError(
            f"{_count(_COUNT_OF_TORCHRUN)} processes were started as by torchrun, and are not "
            "connected: call torch.distributed.init_process_group('gloo') before data_parallel()"
        )
    return None


def started_together() -> int:
    """Return how many processes an MPI launcher or srun has started together; 1 for one alone."""
    return max(map(_count, (*_COUNTS_OF_MPI, _COUNT_OF_SLURM)))


def _of_mpi(started: int) -> Group:
    try:
        MPI = import_module("mpi4py.MPI")
    except ImportError as reason:
        raise ImportError(
            f"{started} processes were started together; data_parallel needs mpi4py to connect "
            f"them: pip install 'gpubackprop[mpi]' ({reason})"
        ) from reason
    world = MPI.COMM_WORLD
    if world.size == 1:
        raise RuntimeError(
            f"{started} processes were started together, and mpi4py's MPI sees one: start them "
            "with the mpiexec of that MPI, or with srun --mpi=pmi2 (srun --mpi=list says which)"
        )
    return MPIGroup(world)


def _count(variable: str) -> int:
    value = os.environ.get(variable, "")
    return int(value) if value.isdecimal() else 1
