"""Control in machine code: replaying recorded calls, alone or side by side with other threads."""

from typing import Any

from .elementary import Scalar, inline
from .kernel import Kind, kernel
from .native.arguments import Array

INTEGERS, DOUBLES, COUNT = Kind.INTEGERS, Kind.DOUBLES, Kind.COUNT


@kernel(calls=INTEGERS, repeats=COUNT)
def replay(real: Any) -> Scalar:
    """Run a recorded sequence of calls, over and over; denormal numbers count as zero meanwhile."""
    from .native.denormals import flush_denormals, restore_denormals
    from .native.intrinsics import call

    def kernel(calls: Array, repeats: int) -> None:
        before = flush_denormals()
        for _ in range(repeats):
            for i in range(calls.shape[0] // 2):
                call(calls[2 * i], calls[2 * i + 1])
        restore_denormals(before)

    return kernel


@kernel(sums=DOUBLES, fresh=DOUBLES, kept=DOUBLES, rounds=INTEGERS)
def put_aside(real: Any) -> Scalar:
    """Row `rounds` of kept = sums, sums = fresh; rounds += 1."""

    def kernel(sums: Array, fresh: Array, kept: Array, rounds: Array) -> None:
        first = rounds[0] * sums.shape[0]
        for i in range(sums.shape[0]):
            kept[first + i] = sums[i]
            sums[i] = fresh[i]
        rounds[0] += 1

    return kernel


@kernel(order=INTEGERS, done=INTEGERS, calls=INTEGERS)
def lead(real: Any) -> Scalar:
    """Post an order, a call for every thread, make the first, wait until all are made."""
    from .native.intrinsics import add_one, call

    meet = _meeting()

    def kernel(order: Array, done: Array, calls: Array) -> None:
        others = calls.shape[0] // 2 - 1
        target = (add_one(order) + 1) * others
        call(calls[0], calls[1])
        meet(done, target)

    return kernel


@kernel(order=INTEGERS, served=INTEGERS, done=INTEGERS, calls=INTEGERS, mine=COUNT, patience=COUNT)
def attend(real: Any) -> Scalar:
    """Make one's own call of every order, until none has come for a while."""
    from .native.intrinsics import add_one, call, let_others_run, read

    def kernel(
        order: Array, served: Array, done: Array, calls: Array, mine: int, patience: int
    ) -> None:
        waited = 0
        while waited < patience:
            waited += 1
            if read(order) > served[0]:
                served[0] += 1
                call(calls[2 * mine], calls[2 * mine + 1])
                add_one(done)
                waited = 0
            elif waited % 64 == 0:
                let_others_run()

    return kernel


@kernel(arrivals=INTEGERS, parties=COUNT)
def barrier(real: Any) -> Scalar:
    """Wait until all parties have arrived; `arrivals` counts them and never goes back."""
    from .native.intrinsics import add_one

    meet = _meeting()

    def kernel(arrivals: Array, parties: int) -> None:
        meet(arrivals, (add_one(arrivals) // parties + 1) * parties)

    return kernel


def _meeting() -> Scalar:
    """Make meet(counter, target): wait until the counter has come to its target."""
    from .native.intrinsics import let_others_run, read

    def meet(counter: Array, target: int) -> None:
        waited = 0
        while read(counter) < target:
            waited += 1
            if waited % 64 == 0:
                let_others_run()

    return inline(meet)
