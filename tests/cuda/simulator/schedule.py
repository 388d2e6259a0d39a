"""Threads, the blocks they form, and the barriers they wait at."""

import sys
from collections import defaultdict
from collections.abc import Callable
from contextvars import copy_context
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import greenlet
import numpy as np

WARP = 32
HERE = str(Path(__file__).parent)


class DivergenceError(RuntimeError):
    """Threads that must meet do not: undefined on a GPU, and often a hang."""


class Dim(NamedTuple):
    x: int
    y: int = 1

    @classmethod
    def of(cls, extents: int | tuple[int, int]) -> "Dim":
        return cls(extents) if isinstance(extents, int) else cls(*extents)

    @property
    def count(self) -> int:
        return self.x * self.y

    def __str__(self) -> str:
        return f"({self.x}, {self.y})"


class Barrier(NamedTuple):
    """Where threads wait: two of them meet only if theirs are equal."""

    name: str
    warp: int | None  # or None for the whole block
    calls: tuple[int, ...]  # through which calls they came here


class Moment(NamedTuple):
    """What a thread does between two barriers of its block."""

    thread: "Thread"
    barriers: int  # that the block has passed


class Thread(greenlet.greenlet):
    """One thread of a kernel."""

    def __init__(self, kernel: Callable[[], None], block: "Block", index: Dim, number: int):
        super().__init__(kernel)
        self.gr_context = block.context
        self.block, self.index = block, index
        self.warp, self.lane = divmod(number, WARP)
        self.offer: Any = None  # what it gives to its warp in a shuffle
        self.offers: dict[int, Any] = {}  # what each lane gave
        self.moment = Moment(self, 0)

    def wait(self, name: str, warp: int | None = None, offer: Any = None) -> dict[int, Any]:
        """Stop until all who must are at the same barrier; returns what each lane offered."""
        self.offer = offer
        self.block.waiting[Barrier(name, warp, calls(sys._getframe(2)))].append(self)
        self.parent.switch()
        return self.offers

    def __str__(self) -> str:
        return f"thread {self.index} of block {self.block.index}"


class Launch:
    """What all threads of a launch share."""

    def __init__(self, grid_dim: Dim, block_dim: Dim, order: np.random.Generator):
        self.grid_dim, self.block_dim, self.random = grid_dim, block_dim, order
        self.positions = [index_of(number, block_dim) for number in range(block_dim.count)]
        self.thread: Thread  # that runs now
        self.now: Moment


class Block:
    """Threads that share memory and meet at barriers."""

    def __init__(self, launch: Launch, index: Dim, kernel: Callable[[], None], history: Any):
        self.launch, self.index, self.history = launch, index, history
        self.shared: dict[Any, Any] = {}  # each array by where it is declared
        self.shared_bytes = self.barriers = 0
        self.waiting: defaultdict[Barrier, list[Thread]] = defaultdict(list)
        with np.errstate(all="ignore"):  # a GPU does not warn
            self.context = copy_context()
        self.threads = [
            Thread(kernel, self, position, number)
            for number, position in enumerate(launch.positions)
        ]

    def run(self) -> None:
        ready = self.threads
        while ready:
            for i in self.launch.random.permutation(len(ready)).tolist():
                self._resume(ready[i])
            ready = self._released()

    def _resume(self, thread: Thread) -> None:
        self.launch.thread, self.launch.now = thread, thread.moment
        try:
            thread.switch()
        except Exception as error:
            error.add_note(f"in {thread}")
            raise

    def _released(self) -> list[Thread]:
        """Threads that may go on now that all that could have run up to a barrier."""
        meetings = [barrier for barrier in self.waiting if self._complete(barrier)]
        if self.waiting and not meetings:
            raise DivergenceError(self._who_waits_where())
        return [thread for barrier in meetings for thread in self._pass(barrier)]

    def _complete(self, barrier: Barrier) -> bool:
        """Whether all are there: of a block or of a warp, less those that have ended."""
        if barrier.warp is None:
            return len(self.waiting) == 1
        others = (group for other, group in self.waiting.items() if other is not barrier)
        return not any(thread.warp == barrier.warp for group in others for thread in group)

    def _pass(self, barrier: Barrier) -> list[Thread]:
        group = self.waiting.pop(barrier)
        self.barriers += barrier.warp is None
        offers = {thread.lane: thread.offer for thread in group}
        for thread in group:
            thread.offers = offers
            thread.moment = Moment(thread, self.barriers)  # a shuffle does not order memory
        return group

    def _who_waits_where(self) -> str:
        lines = [
            f"{len(group)} at {barrier.name} in {line_of(group[0].gr_frame)},"
            f" first thread {group[0].index}"
            for barrier, group in self.waiting.items()
        ]
        return f"threads of block {self.index} wait at different barriers: " + "; ".join(lines)


def index_of(number: int, extents: Dim) -> Dim:
    y, x = divmod(number, extents.x)
    return Dim(x, y)


def calls(frame: FrameType | None) -> tuple[int, ...]:
    """The place in the program, which tells one branch's barrier from the other's."""
    found = []
    while frame is not None:
        found.append(frame.f_lasti)  # one place calls one function, in a compiled kernel
        frame = frame.f_back
    return tuple(found)


def line_of(frame: FrameType | None) -> str:
    """The innermost line outside of the simulator."""
    while frame is not None and frame.f_code.co_filename.startswith(HERE):
        frame = frame.f_back
    return "?" if frame is None else f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
