"""Kernels that are right run in the simulator as on a GPU, and an error says in which thread."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from numba import cuda, float32
from numba.cuda import types

from tests.cuda.simulated.kernels import SEEDS, nans, row_sums
from tests.cuda.simulator import launch


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
    def kernel(x):
        x[cuda.grid(1)] = math.exp(0)

    launch(kernel, 1, 1, (nans(1),))
    assert kernel.__globals__["cuda"] is cuda
    assert kernel.__globals__["math"] is math
