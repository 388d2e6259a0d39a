"""The block in which processes train one network together."""

from collections.abc import Iterator
from contextlib import contextmanager

from ..kernels.group import Group
from .current import Together, joined


@contextmanager
def data_parallel(group: Group, shards: bool = False) -> Iterator[Group]:
    """Train together with other ranks within a `with`."""
    with joined(Together(group, shards)):
        try:
            yield group
        except BaseException:
            group.abort()
            raise
