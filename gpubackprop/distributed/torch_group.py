"""Processes that torchrun, Ray, Spark or Lightning started as ranks, through torch.distributed."""

from typing import Any

from ..kernels.native.arguments import Array


class TorchGroup:
    """The processes of a process group, None for all; every one of them makes its own.

    Vectors of the host are added up by Gloo, whatever backend the group has.
    """

    def __init__(self, group: Any = None) -> None:
        import torch
        import torch.distributed as dist

        self._torch, self._dist = torch, dist
        ranks = None if group is None else dist.get_process_group_ranks(group)
        self._group = dist.new_group(ranks, backend="gloo")
        self.index, self.size = dist.get_rank(self._group), dist.get_world_size(self._group)

    def all_reduce(self, vector: Array) -> None:
        """Replace a vector by its sum over all ranks."""
        self._dist.all_reduce(self._torch.from_numpy(vector), group=self._group)

    def exchange(self, value: Any) -> list[Any]:
        """Give every rank the values of all."""
        values: list[Any] = [None] * self.size
        self._dist.all_gather_object(values, value, group=self._group)
        return values

    def abort(self) -> None:
        """Close the connections of this group: whoever waits for this rank gets an error."""
        self._dist.destroy_process_group(self._group)
