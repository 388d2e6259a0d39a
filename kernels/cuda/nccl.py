"""NCCL, the library in which GPUs add up vectors, through CuPy."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..group import Group, GroupOfOneProcess

_NAMES = {"float32": "NCCL_FLOAT32", "float64": "NCCL_FLOAT64"}


class Nccl:
    """A group's ranks, each on a GPU of its own.

    All ranks make one at the same time; the calling thread's device is this rank's. Threads of one
    process are connected by a single call. RuntimeError if NCCL is not installed, or connects no
    ranks, as where two of them use one GPU.
    """

    def __init__(self, cupy: Any, group: Group) -> None:
        self._nccl = nccl = cupy.cuda.nccl
        if not nccl.available:
            raise RuntimeError(
                "data_parallel on GPUs needs NCCL: pip install nvidia-nccl-cu13, or -cu12"
            )
        try:
            self._ranks = _communicator(nccl, group)
        except nccl.NcclError as reason:
            raise RuntimeError(
                f"NCCL cannot connect {group.size} ranks ({reason}); each needs a GPU of its own: "
                "start as many ranks on a machine as it has GPUs, or name them with device='cuda:N'"
            ) from reason

    def all_reduce(
        self, address: int, size: int, real: np.dtype[Any], stream: int
    ) -> Callable[[], Any]:
        """Prepare the sum over all ranks of a vector on the device, in its own place.

        What is returned queues the sum on the stream once, and may be captured.
        """
        kind = getattr(self._nccl, _NAMES[real.name])
        arguments = (address, address, size, kind, self._nccl.NCCL_SUM, stream)
        return partial(self._ranks.allReduce, *arguments)


def _communicator(nccl: Any, group: Group) -> Any:
    if isinstance(group, GroupOfOneProcess):
        return group.connect(nccl.NcclCommunicator.initAll)
    first = nccl.get_unique_id() if group.index == 0 else None
    return nccl.NcclCommunicator(group.size, group.exchange(first)[0], group.index)
