"""Run Numba-CUDA kernels on NumPy arrays, as a GPU would at its most unkind.

>>> launch(kernel, grid=(2, 1), block=(32, 4), arguments=(x, np.float32(0.5), x.size), seed=3)

- A kernel is a plain function or what `cuda.jit` made of it; so is each device function. Both may
  be closures. Their `cuda` and `math` are replaced in copies of them, and nothing is patched.
- Threads are greenlets: one runs at a time, up to its next barrier, in an order that `seed`
  shuffles. Blocks run one after the other, in such an order too. A kernel that spins
  until another thread acts never ends.
- An array is bare memory, as through a raw pointer: one-dimensional, contiguous, without a shape.
  An index outside of it, negative ones too, is an IndexError.
- A slice is a wide load or store: one that starts off a boundary is a MisalignedError.
- Shared and local memory start as bytes of 0xFF: NaN, or -1.
- Two threads that use one element, where one writes and nothing orders them, are a RaceError, in
  shared memory too. Of several readers only the last is remembered: try several seeds.
- Threads of a block that wait at different barriers are a DivergenceError.
- float32 stays float32, in `math` also, and integers are at least 64 bits wide, as in Numba.
  Numba's float64 for float32 with an integer or with a literal is not imitated: `offline` finds it.
- An error inside a kernel says in a note which thread and block it met.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from tests.cuda.simulator.arguments import as_on_device
from tests.cuda.simulator.device import Device
from tests.cuda.simulator.history import History, RaceError
from tests.cuda.simulator.memory import MisalignedError
from tests.cuda.simulator.schedule import Block, Dim3, DivergenceError, Launch, index_of
from tests.cuda.simulator.translation import Translation

__all__ = ["DivergenceError", "MisalignedError", "RaceError", "launch"]

MOST_THREADS = 1024  # of a block, on every GPU


def launch(
    function: Callable[..., None],
    grid: int | Sequence[int],
    block: int | Sequence[int],
    arguments: Sequence[Any],
    seed: int = 0,
    *,
    signature: Sequence[Any] | None = None,
    races: bool = True,
) -> None:
    """Run a kernel to its end; arrays among the arguments change in place.

    Parameters
    ----------
    grid, block : how many blocks, and threads of each: x, or (x, y), or (x, y, z).
    arguments : flat arrays, NumPy scalars, Python integers, None; with a signature Python floats.
    seed : of the order of threads and blocks.
    signature : Numba types, one for each argument. Scalars are cast to them; arrays must fit.
    races : whether to look for them. Without, launches are a little faster.
    """
    state = Launch(Dim3.of(grid), Dim3.of(block), np.random.default_rng(seed))
    if state.block_dim.count > MOST_THREADS:
        raise ValueError(f"{state.block_dim.count} threads in a block; {MOST_THREADS} at most")
    kernel = Translation(Device(state, races)).function(function)
    history = History(state) if races else None
    values = as_on_device(kernel, arguments, signature, history)
    for index in shuffled_blocks(state):
        Block(state, index, partial(kernel, *values)).run()


def shuffled_blocks(state: Launch) -> list[Dim3]:
    numbers = state.random.permutation(state.grid_dim.count)
    return [index_of(number, state.grid_dim) for number in numbers.tolist()]
