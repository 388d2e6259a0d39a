"""The simulator finds what it says it finds, whatever the seed."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from numba import cuda, float32, int32
from numba.cuda import types

from gpubackprop.algorithm.memory import aligned_zeros
from tests.cuda.simulator import DivergenceError, MisalignedError, RaceError, launch

SEEDS = range(20)
ALL = 0xFFFFFFFF


def nans(n):
    return np.full(n, np.nan, np.float32)


# Kernels that are right


@cuda.jit(device=True)
def warp_sum(value):
    width = 16
    while width:
        value += cuda.shfl_xor_sync(ALL, value, width)
        width //= 2
    return value


@cuda.jit(device=True)
def block_sum(value):
    """Sum over a block, in its thread 0."""
    partial = cuda.shared.array(32, float32)
    value = warp_sum(value)
    if cuda.threadIdx.x % 32 == 0:
        partial[cuda.threadIdx.x // 32] = value
    cuda.syncthreads()
    value = partial[cuda.threadIdx.x] if cuda.threadIdx.x < cuda.blockDim.x // 32 else float32(0)
    return warp_sum(value) if cuda.threadIdx.x < 32 else value


@cuda.jit
def row_sums(x, width, out):
    total, j = float32(0), cuda.threadIdx.x
    while j < width:
        total += x[cuda.blockIdx.x * width + j]
        j += cuda.blockDim.x
    total = block_sum(total)
    if cuda.threadIdx.x == 0:
        out[cuda.blockIdx.x] = total


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_are_summed_by_shuffles_and_shared_memory(seed):
    x, out = np.arange(7 * 150, dtype=np.float32), nans(7)
    launch(row_sums, grid=(7, 1), block=(64, 1), arguments=(x, 150, out), seed=seed)
    np.testing.assert_array_equal(out, x.reshape(7, 150).sum(1))


@pytest.mark.parametrize(
    ("name", "amount", "source"),
    [
        ("shfl_sync", 5, lambda lane: lane * 0 + 5),
        ("shfl_xor_sync", 3, lambda lane: lane ^ 3),
        ("shfl_up_sync", 3, lambda lane: np.where(lane < 3, lane, lane - 3)),
        ("shfl_down_sync", 3, lambda lane: np.where(lane > 28, lane, lane + 3)),
    ],
)
def test_shuffles_reach_the_lane_they_should(name, amount, source):
    def kernel(out):
        i = cuda.threadIdx.x
        out[i] = getattr(cuda, name)(-1, i, amount)

    out, thread = np.full(64, -1), np.arange(64)
    launch(kernel, 1, 64, (out,))
    np.testing.assert_array_equal(out, thread // 32 * 32 + source(thread % 32))


def test_halves_of_a_warp_shuffle_apart():
    def kernel(out):
        i = cuda.threadIdx.x
        mask = 0xFFFF if i < 16 else 0xFFFF0000
        out[i] = cuda.shfl_xor_sync(mask, i, 8)
        if i < 16:
            cuda.syncwarp(0xFFFF)
            out[15 - i] = i

    out = np.full(32, -1)
    launch(kernel, 1, 32, (out,))
    expected = [*range(15, -1, -1), *range(24, 32), *range(16, 24)]
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_arrays_declared_on_one_line_are_apart(seed):
    def kernel(out):
        i = cuda.threadIdx.x
        a, b = cuda.shared.array(8, float32), cuda.shared.array(8, float32)
        a[i], b[i] = 1, 2
        cuda.syncthreads()
        out[i] = 10 * a[7 - i] + b[7 - i]

    out = nans(8)
    launch(kernel, 1, 8, (out,), seed)
    np.testing.assert_array_equal(out, 12)


def stager(size):
    """A device function with shared memory; two of them share their code, not their memory."""

    @cuda.jit(device=True)
    def stage(value):
        held = cuda.shared.array(size, float32)
        held[cuda.threadIdx.x] = value
        return held

    return stage


def test_functions_from_a_factory_have_shared_memory_of_their_own():
    first, second = stager(4), stager(8)

    def kernel(out):
        i = cuda.threadIdx.x
        a, b = first(1), second(2)
        cuda.syncthreads()
        out[i] = 10 * a[3 - i] + b[3 - i]

    out = nans(4)
    launch(kernel, 1, 4, (out,))
    np.testing.assert_array_equal(out, 12)


class Pair(NamedTuple):
    give: Callable
    take: Callable


def test_functions_may_come_in_tuples():
    held = stager(4)
    pair = Pair(held, cuda.jit(device=True)(lambda memory: memory[3 - cuda.threadIdx.x]))
    both = (pair.give, pair.take)

    def kernel(out):
        memory = pair.give(cuda.threadIdx.x)
        cuda.syncthreads()
        out[cuda.threadIdx.x] = pair.take(memory) + both[1](memory)

    out = nans(4)
    launch(kernel, 1, 4, (out,))
    np.testing.assert_array_equal(out, [6, 4, 2, 0])


@pytest.mark.parametrize("dtype", [np.float32, np.dtype("f4"), types.float32, float32])
def test_types_are_numbas_or_numpys(dtype):
    def kernel():
        held = cuda.shared.array(1, dtype)
        held[0] = 1
        assert type(held[0]) is np.float32

    launch(kernel, 1, 1, ())


def test_shared_memory_is_declared_once_for_each_block():
    def kernel(out):
        mine = cuda.shared.array((2, 3), types.float64)
        for _ in range(2):  # the declaration is met again: the array stays
            same = cuda.shared.array(1, types.int64)
            same[0] = 5 if cuda.blockIdx.x == 0 else same[0]
        mine[1, 2] = same[0]
        out[cuda.blockIdx.x] = mine[1, 2]

    out = np.zeros(2)
    launch(kernel, 2, 1, (out,))
    np.testing.assert_array_equal(out, [5, -1])


def test_no_block_gets_more_shared_memory_than_there_is():
    def kernel():
        cuda.shared.array(6 * 1024, types.float64)
        cuda.shared.array(1, types.float64)

    with pytest.raises(MemoryError, match=r"^49160 bytes of shared memory"):
        launch(kernel, 1, 1, ())


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint32"])
def test_integer_atomics_count_each_thread(dtype):
    def kernel(count, seen):
        old = cuda.atomic.add(count, 1, 1)
        seen[old] = cuda.grid(1)

    count, seen = np.array([7, 0, 7], dtype), np.full(15, -1)
    launch(kernel, 3, 5, (count, seen))
    np.testing.assert_array_equal(count, [7, 15, 7])
    np.testing.assert_array_equal(np.sort(seen), range(15))
    assert (seen != np.arange(15)).any()  # in no order to rely on


def test_atomics_on_floats_are_refused():
    def kernel(x):
        cuda.atomic.add(x, 0, 1.0)

    with pytest.raises(TypeError, match=r"^atomics on x: integers only"):
        launch(kernel, 1, 1, (nans(1),))


def test_indices_in_two_and_three_dimensions():
    def kernel(out):
        x, y = cuda.grid(2)
        width, height = cuda.gridsize(2)
        z = cuda.blockIdx.z * cuda.blockDim.z + cuda.threadIdx.z
        out[(z * height + y) * width + x] = x + 100 * y + 10000 * z

    out = np.full(4 * 6 * 8, -1)
    launch(kernel, (2, 3, 1), (4, 2, 4), (out,))
    z, y, x = np.meshgrid(range(4), range(6), range(8), indexing="ij")
    np.testing.assert_array_equal(out.reshape(4, 6, 8), x + 100 * y + 10000 * z)


def test_threads_of_a_warp_are_numbered_x_first():
    def kernel(out):
        out[cuda.threadIdx.x + 2 * cuda.threadIdx.y + 6 * cuda.threadIdx.z] = cuda.laneid

    out = np.full(48, -1)
    launch(kernel, 1, (2, 3, 8), (out,))
    np.testing.assert_array_equal(out, np.arange(48) % 32)


def test_a_block_has_at_most_1024_threads():
    with pytest.raises(ValueError, match=r"^1056 threads in a block"):
        launch(row_sums, 1, (33, 32), (nans(1), 1, nans(1)))


# Memory


@pytest.mark.parametrize("races", [True, False])
def test_shared_and_local_memory_start_poisoned_in_each_block(races):
    def kernel(out, counts):
        real, whole = cuda.shared.array(1, float32), cuda.shared.array(1, int32)
        own = cuda.local.array(1, float32)
        i = cuda.blockIdx.x
        out[2 * i], out[2 * i + 1], counts[i] = real[0], own[0], whole[0]
        real[0], own[0], whole[0] = 1, 1, 1

    out, counts = np.zeros(6, np.float32), np.zeros(3, int)
    launch(kernel, 3, 1, (out, counts), races=races)
    assert np.isnan(out).all()
    np.testing.assert_array_equal(counts, -1)


@pytest.mark.parametrize("index", [-1, 4, 2**40])
@pytest.mark.parametrize("write", [False, True])
def test_an_index_outside_of_an_array_is_an_error(index, write):
    def kernel(x, i):
        if cuda.grid(1) == 5:
            if write:
                x[i] = 0
            else:
                x[i]

    with pytest.raises(
        IndexError, match=rf"^x\[{index}\] lies outside of its 4 elements"
    ) as caught:
        launch(kernel, 2, 4, (nans(4), index))
    assert caught.value.__notes__ == ["in thread (1, 0, 0) of block (1, 0, 0)"]


@pytest.mark.parametrize(("i", "j"), [(-1, 0), (2, 0), (0, -1), (0, 3)])
def test_an_index_outside_of_shared_memory_is_an_error(i, j):
    def kernel(i, j):
        cuda.shared.array((2, 3), float32)[i, j] = 0

    with pytest.raises(IndexError, match=r"^the shared array of test_simulator.py:\d+\["):
        launch(kernel, 1, 1, (i, j))


@pytest.mark.parametrize("index", [slice(2), (0, 0), 1.0])
def test_memory_is_used_by_the_element(index):
    def kernel(x):
        x[index]

    with pytest.raises(TypeError):
        launch(kernel, 1, 1, (nans(4),))


def move_four(x, source, target):
    x[target : target + 4] = x[source : source + 4]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_neighbours_are_moved_together(dtype):
    x = aligned_zeros(12, dtype)
    x[:] = range(12)
    launch(move_four, 1, 1, (x, 8, 4))
    np.testing.assert_array_equal(x, [0, 1, 2, 3, 8, 9, 10, 11, 8, 9, 10, 11])
    with pytest.raises(IndexError, match=r"^x\[12\] lies outside"):
        launch(move_four, 1, 1, (x, 8, 12))
    with pytest.raises(RaceError):
        launch(move_four, 1, 2, (x, 0, 4))


@pytest.mark.parametrize(("dtype", "off"), [("f4", 1), ("f4", 2), ("f4", 3), ("f8", 1), ("f8", 3)])
def test_neighbours_off_a_boundary_are_not_moved_together(dtype, off):
    x = aligned_zeros(12, dtype)
    for source, target in ((off, 4), (4, off)):
        with pytest.raises(MisalignedError, match=rf"^x\[{off}:{off + 4}\] is off 16 bytes"):
            launch(move_four, 1, 1, (x, source, target))
    with pytest.raises(MisalignedError):  # nor where the array itself is off
        launch(move_four, 1, 1, (x[off:], 0, 4))


@pytest.mark.parametrize("array", [np.zeros((2, 2)), np.zeros(4)[::2], np.zeros(())])
def test_arrays_that_are_not_flat_are_refused(array):
    with pytest.raises(TypeError, match=r"^x must be flat and contiguous"):
        launch(row_sums, 1, 1, (array, 1, nans(1)))


def test_an_array_has_no_shape_as_a_pointer_has_none():
    def kernel(x):
        x.size  # noqa: B018

    with pytest.raises(AttributeError):
        launch(kernel, 1, 1, (nans(1),))


# Numbers


def test_a_value_is_cast_to_the_type_of_the_array():
    def kernel(single, small, whole):
        single[0] = 1e300
        single[1] = 0.1
        small[0] = 300
        small[1] = -1
        whole[0] = 2**31
        whole[1] = 2.9

    single, small, whole = nans(2), np.zeros(2, np.uint8), np.zeros(2, np.int32)
    launch(kernel, 1, 1, (single, small, whole))
    np.testing.assert_array_equal(single, np.array([np.inf, 0.1], np.float32))
    np.testing.assert_array_equal(small, [44, 255])
    np.testing.assert_array_equal(whole, [-(2**31), 2])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arithmetic_stays_in_the_type_of_the_array(dtype):
    seen = []

    def kernel(x, rate):
        value = x[0]
        seen.extend([math.exp(value), math.tanh(value), math.sqrt(value), math.log1p(value)])
        seen.extend([math.erf(value), exp(value)])
        seen.append(math.pow(value, value))
        seen.append(max(value * rate - 1, value))
        seen.append(x[0])

    launch(kernel, 1, 1, (np.array([0.3], dtype), dtype(0.1)))
    assert {type(value) for value in seen} == {dtype}
    assert seen[0] == seen[5] == np.exp(dtype(0.3))
    assert seen[4] == pytest.approx(math.erf(0.3), rel=1e-6)


exp = math.exp


def test_math_does_not_raise_where_a_gpu_does_not():
    def kernel(out, zero):
        out[0] = math.log(zero)
        out[1] = math.exp(zero + 1000)
        out[2] = math.sqrt(zero - 1)
        out[3] = 1 / zero

    out = np.zeros(4, np.float32)
    launch(kernel, 1, 1, (out, np.float32(0)))
    np.testing.assert_array_equal(out, [-np.inf, np.inf, np.nan, np.inf])


def test_small_integers_are_widened_as_numba_does():
    def kernel(small, out):
        out[0] = small[0] + small[0]
        out[1] = cuda.atomic.add(small, 0, 1) + 1

    out = np.zeros(2, np.int64)
    launch(kernel, 1, 1, (np.array([127], np.int8), out))
    np.testing.assert_array_equal(out, [254, 128])


POINTER = types.CPointer(types.float32)


def test_scalars_are_cast_to_the_signature():
    seen = []

    def kernel(x, count, rate, nothing):
        seen.extend([count, rate, nothing])

    signature = POINTER, types.int64, types.float32, POINTER
    launch(kernel, 1, 1, (nans(1), 3, 0.1, None), signature=signature)
    assert seen == [3, np.float32(0.1), None]
    assert [type(value) for value in seen[:2]] == [np.int64, np.float32]


@pytest.mark.parametrize(
    ("argument", "kind"),
    [
        (np.zeros(1), POINTER),
        (np.zeros(1, np.float32), types.float32),
        (1.0, POINTER),
        (1.0, None),
    ],
)
def test_an_argument_that_does_not_fit_is_refused(argument, kind):
    def kernel(x):
        pass

    with pytest.raises(TypeError, match=r"^x is "):
        launch(kernel, 1, 1, (argument,), signature=None if kind is None else (kind,))


def test_the_number_of_arguments_is_checked():
    with pytest.raises(TypeError, match="row_sums takes 3 arguments: 2 are given"):
        launch(row_sums, 1, 1, (nans(1), 1))


# Missing barriers


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
    with pytest.raises(RaceError, match=r"^the shared array of test_simulator.py"):
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


# Divergence


def test_branches_with_a_barrier_each_do_not_meet():
    def kernel():
        if cuda.threadIdx.x < 3:
            cuda.syncthreads()
        else:
            cuda.syncthreads()

    here = r"syncthreads in test_simulator.py:\d+, first thread"
    with pytest.raises(DivergenceError, match=rf"block \(0, 0, 0\) .*{here}.*{here}"):
        launch(kernel, 1, 8, ())


def test_branches_that_call_one_function_with_a_barrier_do_not_meet():
    @cuda.jit(device=True)
    def meet():
        cuda.syncthreads()

    def kernel():
        if cuda.threadIdx.x < 3:
            meet()
        else:
            meet()

    with pytest.raises(DivergenceError):
        launch(kernel, 1, 8, ())


@pytest.mark.parametrize("name", ["syncwarp", "shfl_xor_sync", "syncthreads"])
def test_a_warp_that_waits_at_different_barriers_is_an_error(name):
    def kernel():
        if cuda.threadIdx.x < 3:
            cuda.syncwarp(ALL)
        if name == "syncwarp":
            cuda.syncwarp(ALL)
        elif name == "syncthreads":
            cuda.syncthreads()
        else:
            cuda.shfl_xor_sync(ALL, 1, 1)

    with pytest.raises(DivergenceError, match=name):
        launch(kernel, 1, 32, ())


def test_threads_that_have_ended_are_not_waited_for():
    def kernel(out):
        i = cuda.threadIdx.x
        if i >= 40:
            return
        cuda.syncthreads()
        cuda.syncwarp()
        out[i] = cuda.shfl_xor_sync(ALL, i, 1)

    out = np.full(40, -1)
    launch(kernel, 1, 64, (out,))
    np.testing.assert_array_equal(out, np.arange(40) ^ 1)


def test_a_shuffle_from_a_lane_that_is_not_there_is_an_error():
    def kernel():
        cuda.shfl_xor_sync(ALL, 1, 16)

    with pytest.raises(DivergenceError, match=r"reads lane \d+, which takes no part"):
        launch(kernel, 1, 16, ())


def test_a_lane_outside_of_its_mask_is_an_error():
    def kernel():
        cuda.syncwarp(0xF)

    with pytest.raises(DivergenceError, match="is not in the mask 0xf of its syncwarp"):
        launch(kernel, 1, 8, ())


# Errors


def test_an_error_in_a_kernel_names_thread_and_block():
    def kernel():
        cuda.syncthreads()
        if cuda.grid(2) == (5, 1):
            raise KeyError("what")

    with pytest.raises(KeyError, match="what") as caught:
        launch(kernel, (2, 1), (4, 2), ())
    assert caught.value.__notes__ == ["in thread (1, 1, 0) of block (1, 0, 0)"]


def test_what_is_not_simulated_says_so():
    def kernel():
        cuda.nanosleep(1)

    with pytest.raises(AttributeError, match=r"the simulator has no cuda.nanosleep"):
        launch(kernel, 1, 1, ())


def test_kernels_are_left_as_they_are():
    launch(row_sums, 1, 32, (nans(32), 32, nans(1)))
    assert row_sums.py_func.__globals__["cuda"] is cuda
    assert row_sums.py_func.__globals__["math"] is math
