"""Processes that train one network together, as the primitives and the epochs see them."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from .native.arguments import Array


class Group(Protocol):
    """A fixed number of processes, or threads, each with a rank of its own."""

    @property
    def index(self) -> int:
        """Rank of the caller, from 0."""

    @property
    def size(self) -> int:
        """How many ranks."""

    def all_reduce(self, vector: Array) -> None:
        """Replace a contiguous vector of the host by its sum over all ranks, the same bits on all.

        Every rank calls it, with a vector of the same length and type.
        """

    def exchange(self, value: Any) -> list[Any]:
        """Give every rank the values of all, in the order of the ranks.

        Every rank calls it; a value is any small object that can be pickled.
        """

    def abort(self) -> None:
        """Leave after an error, so that no other rank waits for this one forever.

        Returns where the others fail as well, or are told; else it ends the whole job.
        """


@runtime_checkable
class GroupOfOneProcess(Group, Protocol):
    """Threads of one process, each with a GPU of its own."""

    def connect(self, connect_all: Callable[[list[int]], list[Any]]) -> Any:
        """Return the caller's one of the connections that a single call makes for all GPUs.

        Every rank calls it; the call is given the GPUs' numbers.
        """
