"""The simulator finds what runs in no order to rely on, whatever the seed."""

import numpy as np
import pytest
from numba import cuda, float32, int32

from tests.cuda.simulated.kernels import ALL, SEEDS, nans
from tests.cuda.simulator import RaceError, launch


def reverse(barrier):
    def kernel(x, out):
        held = cuda.shared.array(64, float32)
        i = cuda.threadIdx.x
        held[i] = x[i]
        if barrier:
            cuda.syncthreads()
        out[i] = held[63 - i]

    return kernel


@pytest.mark.parametrize("seed", SEEDS)
def test_a_missing_barrier_gives_a_wrong_answer(seed):
    x, out = np.arange(64, dtype=np.float32), nans(64)
    launch(reverse(barrier=True), 1, 64, (x, out), seed, races=False)
    np.testing.assert_array_equal(out, x[::-1])
    launch(reverse(barrier=False), 1, 64, (x, out), seed, races=False)
    assert (out != x[::-1]).any()


@pytest.mark.parametrize("seed", SEEDS)
def test_blocks_run_in_no_order_to_rely_on(seed):
    def kernel(x):
        i = cuda.blockIdx.x
        x[i] = 1 if i == 0 else x[i - 1]

    x = np.zeros(32)
    launch(kernel, 32, 1, (x,), seed, races=False)
    assert (x != 1).any()


def test_an_order_comes_again_with_its_seed():
    def kernel(count, order):
        order[cuda.atomic.add(count, 0, 1)] = cuda.grid(1)

    def order(seed):
        found = np.zeros(24, int)
        launch(kernel, 3, 8, (np.zeros(1, int), found), seed)
        return found.tolist()

    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in SEEDS}) == 20


# Races, by name


@pytest.mark.parametrize("seed", SEEDS)
def test_two_writers_of_one_element_are_a_race(seed):
    def kernel(x):
        x[cuda.grid(1) % 7] = 1

    message = r"^x\[\d\] was used by thread \(\d, 0, 0\) of block \(\d, 0, 0\) before"
    with pytest.raises(RaceError, match=message) as caught:
        launch(kernel, 2, 4, (nans(7),), seed)
    assert caught.value.__notes__[0].startswith("in thread")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_race_in_shared_memory_is_found(seed):
    with pytest.raises(RaceError, match=r"^the shared array of test_simulator_races.py"):
        launch(reverse(barrier=False), 1, 64, (nans(64), nans(64)), seed)


def shift(apart):
    """Each thread writes an element and then reads its neighbour's."""

    def kernel(x):
        i = cuda.grid(1)
        x[i] = i
        if apart == "barrier":
            cuda.syncthreads()
        if apart == "warp":
            cuda.syncwarp()
        if apart == "shuffle":
            cuda.shfl_xor_sync(ALL, i, 1)
        if i + 1 < cuda.gridsize(1):
            x[i + 1]

    return kernel


@pytest.mark.parametrize(
    ("apart", "grid", "block"),
    [(None, 1, 32), ("shuffle", 1, 32), ("warp", 1, 64), ("barrier", 2, 32), ("warp", 2, 32)],
)
def test_reading_what_another_thread_wrote_is_a_race(apart, grid, block):
    found = 0
    for seed in SEEDS:
        try:
            launch(shift(apart), grid, block, (nans(64),), seed)
        except RaceError:
            found += 1
    few = block * grid == 64  # one pair only may race, and half of the orders hide it
    assert found >= (5 if few else 20)


@pytest.mark.parametrize(("apart", "block"), [("barrier", 64), ("warp", 32)])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_barrier_orders_a_write_and_a_read(apart, block, seed):
    launch(shift(apart), 1, block, (nans(64),), seed)


@pytest.mark.parametrize("barrier", [True, False])
def test_writing_what_another_thread_reads_is_a_race(barrier):
    def kernel(x):
        i = cuda.threadIdx.x
        left = x[(i + 1) % 32]
        if barrier:
            cuda.syncthreads()
        x[i] = left

    for seed in SEEDS:
        if barrier:
            launch(kernel, 1, 32, (nans(32),), seed)
        else:
            with pytest.raises(RaceError):
                launch(kernel, 1, 32, (nans(32),), seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_race_is_found_whichever_thread_comes_first(seed):
    def kernel(x):
        if cuda.threadIdx.x:
            x[0] = 1
        else:
            x[0]

    with pytest.raises(RaceError):
        launch(kernel, 1, 2, (nans(1),), seed)


def test_a_race_through_two_views_of_one_array_is_found():
    def kernel(x, y):
        if cuda.threadIdx.x:
            x[1] = 1
        else:
            y[0] = 1

    x = nans(4)
    with pytest.raises(RaceError):
        launch(kernel, 1, 2, (x, x[1:]))


def total(fence):
    """Sum over blocks: the last one to finish adds what each left behind."""

    def kernel(x, partial, count, out):
        last = cuda.shared.array(1, int32)
        i = cuda.threadIdx.x
        partial[cuda.grid(1)] = 2 * x[cuda.grid(1)]
        if fence == "each":
            cuda.threadfence()
        cuda.syncthreads()
        if i == 0:
            if fence == "one":
                cuda.threadfence()
            last[0] = cuda.atomic.add(count, 0, 1) == cuda.gridDim.x - 1
        cuda.syncthreads()
        if last[0] and i == 0:
            s = float32(0)
            for k in range(cuda.gridsize(1)):
                s += partial[k]
            out[0] = s
            count[0] = 0

    return kernel


@pytest.mark.parametrize("fence", ["each", "one", None])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_fence_and_an_atomic_order_blocks(fence, seed):
    x, out, count = np.arange(16, dtype=np.float32), nans(1), np.zeros(1, np.int32)
    arguments = x, nans(16), count, out
    if fence is None:
        with pytest.raises(RaceError, match=r"^partial\["):
            launch(total(fence), 4, 4, arguments, seed)
    else:
        launch(total(fence), 4, 4, arguments, seed)
        assert (out[0], count[0]) == (240, 0)


def test_atomic_and_plain_use_of_one_element_is_a_race():
    def kernel(x):
        if cuda.threadIdx.x:
            cuda.atomic.add(x, 0, 1)
        else:
            x[0] = 1

    for seed in SEEDS:
        with pytest.raises(RaceError):
            launch(kernel, 1, 2, (np.zeros(1, int),), seed)
