"""Who used which element last, and whether a barrier lies between two uses of it."""

from tests.cuda.simulator.schedule import Launch, Moment


class RaceError(RuntimeError):
    """Two threads use one element, one of them writes, and nothing orders them."""


class History:
    """The last read and the last write of each address.

    A use returns the earlier use that it races with, if any.
    """

    def __init__(self, launch: Launch):
        self._launch = launch
        self._reads: dict[int, Moment] = {}
        self._writes: dict[int, Moment] = {}

    def read(self, address: int) -> Moment | None:
        now = self._launch.now
        self._reads[address] = now
        return conflict(self._writes.get(address), now)

    def write(self, address: int) -> Moment | None:
        now, last = self._launch.now, self._writes.get(address)
        self._writes[address] = now
        return conflict(last, now) or conflict(self._reads.get(address), now)


def conflict(before: Moment | None, now: Moment) -> Moment | None:
    """Return the earlier use unless it is the thread's own, or a barrier of the block follows."""
    if before is None or before.thread is now.thread:
        return None
    apart = before.thread.block is not now.thread.block
    return before if apart or before.barriers == now.barriers else None
