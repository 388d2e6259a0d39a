"""The simulator's memory and numbers: what a GPU would read or round, or an error."""

import math

import numpy as np
import pytest
from numba import cuda, float32, int32
from numba.cuda import types

from gpubackprop.algorithm.memory import aligned_zeros
from tests.cuda.simulated.kernels import nans, row_sums
from tests.cuda.simulator import MisalignedError, RaceError, launch


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

    with pytest.raises(IndexError, match=r"^the shared array of test_simulator_memory.py:\d+\["):
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
