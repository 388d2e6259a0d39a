"""Threads that do not meet at a barrier or a shuffle are told of."""

import numpy as np
import pytest
from numba import cuda

from tests.cuda.simulated.kernels import ALL
from tests.cuda.simulator import DivergenceError, launch


def test_branches_with_a_barrier_each_do_not_meet():
    def kernel():
        if cuda.threadIdx.x < 3:
            cuda.syncthreads()
        else:
            cuda.syncthreads()

    here = r"syncthreads in test_simulator_barriers.py:\d+, first thread"
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
