"""Threads, the blocks they form, and the barriers they wait at."""

import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextvars import copy_context
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any, NamedTuple

import greenlet
import numpy as np

WARP = 32
HERE = str(Path(__file__).parent)


class DivergenceError(RuntimeError):
    """Threads that must meet do not: undefined on a GPU, and often a hang."""


class Dim3(NamedTuple):
    x: int
    y: int = 1
    z: int = 1

    @classmethod
    def of(cls, extents: int | Sequence[int]) -> "Dim3":
        return cls(extents) if isinstance(extents, int) else cls(*extents)

    @property
    def count(self) -> int:
        return self.x * self.y * self.z

    def __str__(self) -> str:
        return f"({self.x}, {self.y}, {self.z})"


class Barrier(NamedTuple):
    """Where a thread waits: two threads meet only if theirs are equal."""

    name: str
    mask: int | None  # lanes of a warp, or None for the whole block
    calls: tuple[int, ...]  # through which calls it came here


class Moment(NamedTuple):
    """What a thread does between two synchronisations."""

    thread: "Thread"
    barriers: int  # that its block has passed
    warp_barriers: int  # that it has passed with its warp
    tick: int
    atomic: bool = False


class Thread(greenlet.greenlet):
    """One thread of a kernel."""

    def __init__(self, kernel: Callable[[], None], block: "Block", index: Dim3, number: int):
        super().__init__(kernel)
        self.gr_context = block.context.copy()
        self.block, self.index = block, index
        self.warp, self.lane = divmod(number, WARP)
        self.barrier: Barrier | None = None
        self.offer: Any = None  # what it gives to its warp in a shuffle
        self.offers: dict[int, Any] = {}  # what each lane gave
        self.moment = Moment(self, 0, 0, block.launch.tick)

    def wait(self, name: str, mask: int | None = None, offer: Any = None) -> dict[int, Any]:
        """Stop until all who must are at the same barrier; returns what each lane offered."""
        self.barrier = Barrier(name, mask, calls(sys._getframe(1)))
        self.offer = offer
        self.parent.switch()
        return self.offers

    def renew(self, *, warp: bool = False) -> None:
        passed = self.moment.warp_barriers + warp
        self.moment = Moment(self, self.block.barriers, passed, self.block.launch.tick)

    def __str__(self) -> str:
        return f"thread {self.index} of block {self.block.index}"


class Launch:
    """What all threads of a launch share."""

    def __init__(self, grid_dim: Dim3, block_dim: Dim3, order: Random):
        self.grid_dim, self.block_dim, self.random = grid_dim, block_dim, order
        self.tick = 0  # counts fences and atomics
        self.thread: Thread  # that runs now
        self.now: Moment

    def enter(self, thread: Thread) -> None:
        self.thread, self.now = thread, thread.moment

    def fence(self) -> None:
        """What this thread did, and saw its block do, is now before its next atomic."""
        self.tick += 1
        self.thread.renew()
        self.now = self.thread.moment
        self.thread.block.fences.append(self.now)


class Block:
    """Threads that share memory and meet at barriers."""

    def __init__(self, launch: Launch, index: Dim3, kernel: Callable[[], None]):
        self.launch, self.index = launch, index
        self.shared: dict[Any, Any] = {}  # each array by where it is declared
        self.shared_bytes = 0
        self.history: Any = None  # of shared memory
        self.barriers = 0
        self.fences: list[Moment] = []
        self.acquired = -1  # the tick of its last atomic
        with np.errstate(all="ignore"):  # a GPU does not warn
            self.context = copy_context()
        extents = launch.block_dim
        self.threads = [
            Thread(kernel, self, index_of(number, extents), number)
            for number in range(extents.count)
        ]

    def run(self) -> None:
        ready = list(self.threads)
        while ready:
            self.launch.random.shuffle(ready)
            for thread in ready:
                self._resume(thread)
            ready = self._released()

    def _resume(self, thread: Thread) -> None:
        self.launch.enter(thread)
        try:
            thread.switch()
        except Exception as error:
            error.add_note(f"in {thread}")
            raise

    def _released(self) -> list[Thread]:
        """Threads that may go on now that all that could have run up to a barrier."""
        living = [thread for thread in self.threads if not thread.dead]
        meetings = [group for group in by_barrier(living) if self._complete(group, living)]
        if living and not meetings:
            raise DivergenceError(self._who_waits_where(living))
        for group in meetings:
            self._pass(group)
        return [thread for group in meetings for thread in group]

    @staticmethod
    def _complete(group: list[Thread], living: list[Thread]) -> bool:
        """Whether all are there: of a block or of a warp's mask, less those that have ended."""
        warp, mask = group[0].warp, group[0].barrier.mask
        if mask is None:
            return len(group) == len(living)
        return len(group) == sum(t.warp == warp and mask >> t.lane & 1 for t in living)

    def _pass(self, group: list[Thread]) -> None:
        barrier = group[0].barrier
        self.barriers += barrier.mask is None
        offers = {thread.lane: thread.offer for thread in group}
        for thread in group:
            thread.offers = offers
            if barrier.name in ("syncthreads", "syncwarp"):  # shuffles do not order memory
                thread.renew(warp=barrier.mask is not None)

    def _who_waits_where(self, living: list[Thread]) -> str:
        groups = by_barrier(living)
        lines = [
            f"{len(group)} at {group[0].barrier.name} in {line_of(group[0].gr_frame)},"
            f" first thread {group[0].index}"
            for group in groups
        ]
        return f"threads of block {self.index} wait at different barriers: " + "; ".join(lines)


def index_of(number: int, extents: Dim3) -> Dim3:
    rest, x = divmod(number, extents.x)
    z, y = divmod(rest, extents.y)
    return Dim3(x, y, z)


def by_barrier(threads: list[Thread]) -> list[list[Thread]]:
    """Groups that wait at the same place: over a block, or each warp on its own."""
    groups = defaultdict(list)
    for thread in threads:
        barrier = thread.barrier
        groups[barrier, None if barrier.mask is None else thread.warp].append(thread)
    return list(groups.values())


def calls(frame: FrameType | None) -> tuple[int, ...]:
    """The place in the program, which tells one branch's barrier from the other's."""
    found = []
    while frame is not None:
        found += [id(frame.f_code), frame.f_lasti]  # hashing a code object would be slow
        frame = frame.f_back
    return tuple(found)


def line_of(frame: FrameType | None) -> str:
    """The innermost line outside of the simulator."""
    while frame is not None and frame.f_code.co_filename.startswith(HERE):
        frame = frame.f_back
    return "?" if frame is None else f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
