"""The ranks of one machine share its cores, and speak with one voice."""

import logging
import os
import platform
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from ..backends import quota, threads
from ..kernels.group import Group

_log = logging.getLogger("gpubackprop")


class Seat(NamedTuple):
    """Where a rank computes."""

    node: str
    """The machine."""
    process: int
    """Its number on that machine."""
    cores: frozenset[int]
    """Cores that it may use."""

    @classmethod
    def own(cls) -> "Seat":
        """Seat of the calling process."""
        affinity = getattr(os, "sched_getaffinity", None)
        cores = affinity(0) if affinity else range(os.cpu_count() or 1)
        return cls(platform.node(), os.getpid(), frozenset(cores))


class Neighbours(NamedTuple):
    """Ranks on this rank's machine, itself among them."""

    place: int
    """Its place among them, from 0."""
    seats: tuple[Seat, ...]

    @property
    def cores(self) -> int:
        """Cores of the machine that its ranks may use, a container's quota regarded."""
        found = len(frozenset().union(*(seat.cores for seat in self.seats)))
        return min(found, quota.cores() or found)

    @property
    def threads(self) -> int:
        """Threads for each rank; no more than it has cores."""
        own = len(self.seats[self.place].cores)
        return max(1, min(self.cores // len(self.seats), own))

    @property
    def share_a_process(self) -> bool:
        """Whether they are threads of one process."""
        return len({seat.process for seat in self.seats}) < len(self.seats)


def neighbours(group: Group) -> Neighbours:
    """Ask all ranks where they compute."""
    seats: list[Seat] = group.exchange(Seat.own())
    node = seats[group.index].node
    near = [rank for rank, seat in enumerate(seats) if seat.node == node]
    return Neighbours(near.index(group.index), tuple(seats[rank] for rank in near))


@contextmanager
def shared(group: Group) -> Iterator[Neighbours]:
    """Within a `with`, compute with this rank's part of the machine; ranks but the first are still.

    All ranks enter together.
    """
    near = neighbours(group)
    with ExitStack() as stack:
        stack.enter_context(threads.sharing(near.threads))
        if group.index != 0 and not near.share_a_process:  # filters are the whole process's
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
        _log.info(
            "rank %d of %d: %d threads, as %d ranks share %d cores of %s",
            *(group.index, group.size, near.threads, len(near.seats), near.cores),
            near.seats[near.place].node,
        )
        _say_bound(near)
        yield near


def _say_bound(near: Neighbours) -> None:
    """Warn where a launcher has bound ranks to fewer cores than the machine has for them."""
    own, wanted = len(near.seats[near.place].cores), (os.cpu_count() or 1) // len(near.seats)
    if own < min(wanted, quota.cores() or wanted):
        _log.warning(
            "the launcher has bound this process to %d of %d cores: start with mpiexec --bind-to "
            "none, or srun --cpu-bind=none, to let each rank use %d",
            *(own, os.cpu_count(), wanted),
        )
