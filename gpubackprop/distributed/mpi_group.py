"""Processes that an MPI launcher started as ranks, through mpi4py."""

import sys
import time
import traceback
from typing import Any

from ..kernels.native.arguments import Array

PATIENCE_SECONDS = 5.0
"""Seconds that a rank which failed waits for the others to fail alike, before it ends the job."""
_LOOK_SECONDS = 0.01


class MPIGroup:
    """The processes of a communicator; every one of them makes its own.

    The communicator is copied, so that no message of the program's own is met.
    """

    def __init__(self, communicator: Any) -> None:
        from mpi4py import MPI

        self._in_place = MPI.IN_PLACE
        self._ranks, self._leaving = communicator.Dup(), communicator.Dup()
        self.index, self.size = int(communicator.rank), int(communicator.size)

    def all_reduce(self, vector: Array) -> None:
        """Replace a vector by its sum over all ranks."""
        self._ranks.Allreduce(self._in_place, vector)

    def exchange(self, value: Any) -> list[Any]:
        """Give every rank the values of all."""
        values: list[Any] = self._ranks.allgather(value)
        return values

    def abort(self) -> None:
        """Return if the others fail as well; else say what has happened and end all processes."""
        arrived, until = self._leaving.Ibarrier(), time.monotonic() + PATIENCE_SECONDS
        while not arrived.Test():
            if time.monotonic() > until:
                traceback.print_exc()
                print(f"rank {self.index} failed alone: all ranks end", file=sys.stderr, flush=True)
                self._ranks.Abort(1)
            time.sleep(_LOOK_SECONDS)
