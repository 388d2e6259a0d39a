"""Run Numba-CUDA kernels on NumPy arrays, as a GPU would at its most unkind.

>>> launch(kernel, grid=(2, 1), block=(32, 4), arguments=(x, np.float32(0.5), x.size), seed=3)

- A kernel is a plain function or what `cuda.jit` made of it; so is each device function. Both may
  be closures. Their `cuda` and `math` are replaced in copies of them, and nothing is patched. What
  our kernels do not use is not imitated: atomics, fences, masks, a third dimension.
- Threads are greenlets: one runs at a time, up to its next barrier, in an order that `seed`
  shuffles. Blocks run one after the other, in such an order too. A kernel that spins
  until another thread acts never ends.
- An array is bare memory, as through a raw pointer: one-dimensional, contiguous, without a shape.
  An index outside of it, negative ones too, is an IndexError.
- A slice is a wide load or store: one that starts off a boundary is a MisalignedError.
- Shared memory starts as bytes of 0xFF: NaN, or -1.
- Two threads that use one element, where one writes and nothing orders them, are a RaceError, in
  shared memory too. Of several readers only the last is remembered: try several seeds.
- Threads of a block that wait at different barriers are a DivergenceError.
- float32 stays float32, in `math` also. Numba's float64 for float32 with an integer or with a
  literal is not imitated: `offline` finds it.
- An error inside a kernel says in a note which thread and block it met.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from tests.cuda.simulator.device import Device
from tests.cuda.simulator.history import History, RaceError
from tests.cuda.simulator.memory import Memory, MisalignedError
from tests.cuda.simulator.schedule import Block, Dim, DivergenceError, Launch, index_of
from tests.cuda.simulator.translation import Translation

__all__ = ["DivergenceError", "MisalignedError", "RaceError", "launch"]

MOST_THREADS = 1024  # of a block, on every GPU


def launch(
    function: Callable[..., None],
    grid: int | tuple[int, int],
    block: int | tuple[int, int],
    arguments: Sequence[Any],
    seed: int = 0,
) -> None:
    """Run a kernel to its end; arrays among the arguments, flat ones, change in place.

    Grid and block say how many blocks, and threads of each, x or (x, y). The seed decides the order
    of threads and blocks.
    """
    state = Launch(Dim.of(grid), Dim.of(block), np.random.default_rng(seed))
    if state.block_dim.count > MOST_THREADS:
        raise ValueError(f"{state.block_dim.count} threads in a block; {MOST_THREADS} at most")
    kernel, history = Translation(Device(state)).function(function), History(state)
    values = [
        Memory(value, name, history) if isinstance(value, np.ndarray) else value
        for name, value in zip(kernel.__code__.co_varnames, arguments, strict=False)
    ]
    for number in state.random.permutation(state.grid_dim.count).tolist():
        index = index_of(number, state.grid_dim)
        Block(state, index, partial(kernel, *values), History(state)).run()
