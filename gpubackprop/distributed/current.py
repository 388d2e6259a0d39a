"""The group that training in this context belongs to."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from ..kernels.group import Group


class Together(NamedTuple):
    """Ranks that train together, and how the rows are dealt out to them."""

    group: Group
    shards: bool
    """Whether each holds rows of its own; else all hold the same rows."""
    place: int
    """Place of this rank among those of its machine, from 0."""
    devices: tuple[int, ...] = ()
    """Numbers of the ranks' GPUs, where an estimator's device names them."""

    @property
    def said(self) -> str:
        """What the user said to let ranks train together; begins an error's message."""
        numbers = ",".join(map(str, self.devices))
        return f"with device='cuda:{numbers}'" if numbers else "inside data_parallel"


_current: ContextVar[Together | None] = ContextVar("gpubackprop_together", default=None)


def current() -> Together | None:
    """Return the ranks that this context trains with; None where it trains alone."""
    return _current.get()


def is_first() -> bool:
    """Whether this process speaks for all: it trains alone, or is rank 0."""
    together = current()
    return together is None or together.group.index == 0


def of_first(value: Any) -> Any:
    """Return the first rank's value of a small object; the value itself of one process alone."""
    together = current()
    return value if together is None else together.group.exchange(value)[0]


@contextmanager
def joined(together: Together) -> Iterator[None]:
    """Train with these ranks within a `with`."""
    token = _current.set(together)
    try:
        yield
    finally:
        _current.reset(token)
