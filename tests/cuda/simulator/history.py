"""Who used which element last, and whether anything orders two uses of it."""

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

    def atomic(self, address: int) -> Moment | None:
        now, last = self._launch.now._replace(atomic=True), self._writes.get(address)
        self._writes[address] = now
        self._launch.tick += 1
        now.thread.block.acquired = self._launch.tick
        earlier = None if last is not None and last.atomic else last
        return conflict(earlier, now) or conflict(self._reads.get(address), now)


def conflict(before: Moment | None, now: Moment) -> Moment | None:
    if before is None or before.thread is now.thread or ordered(before, now):
        return None
    return before


def ordered(before: Moment, now: Moment) -> bool:
    if before.thread.block is not now.thread.block:
        return published(before, now.thread.block.acquired)
    if before.barriers < now.barriers:
        return True
    return before.thread.warp == now.thread.warp and before.warp_barriers < now.warp_barriers


def published(before: Moment, acquired: int) -> bool:
    """Whether a fence followed, and an atomic of the other block followed that."""
    return any(
        fence.tick < acquired
        and (
            before.barriers < fence.barriers  # by any thread, after a barrier of the block
            or (before.thread is fence.thread and before.tick < fence.tick)
        )
        for fence in before.thread.block.fences
    )
