"""The very arguments that libcublas would get, carried out by the CPU's BLAS."""

import ctypes
import gc
from ctypes import c_float, c_int, c_void_p
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest

from gpubackprop.kernels.cuda import cublas
from gpubackprop.kernels.cuda.cublas import Cublas
from gpubackprop.kernels.cuda.device import Rounding

HANDLE, STREAM, WORKSPACE, SIZE = 0x7F00_1234_5670, 0x7F00_0000_1000, 0x7F00_8000_0000, 1 << 33
"""None of them fits an int."""

TYPES = {0: np.dtype("f4"), 1: np.dtype("f8")}
"""By cudaDataType_t."""


class Library:
    """libcublas, as ctypes shows it: an integer that fits no int must come in its C type."""

    def __init__(self, **statuses):
        self.called, self.compute, self._statuses = [], None, statuses

    def cublasCreate_v2(self, handle):  # noqa: N802
        handle._obj.value = HANDLE
        return self._done("cublasCreate_v2")

    def cublasDestroy_v2(self, handle):  # noqa: N802
        return self._done("cublasDestroy_v2", handle.value)

    def cublasSetStream_v2(self, handle, stream):  # noqa: N802
        assert [type(handle), type(stream)] == [c_void_p, c_void_p]
        return self._done("cublasSetStream_v2", handle.value, stream.value)

    def cublasSetWorkspace_v2(self, handle, workspace, size):  # noqa: N802
        assert [type(v) for v in (handle, workspace, size)] == [c_void_p, c_void_p, ctypes.c_size_t]
        return self._done("cublasSetWorkspace_v2", handle.value, workspace.value, size.value)

    def cublasGemmEx(self, handle, *arguments):  # noqa: N802
        values = [getattr(argument, "_obj", argument) for argument in arguments]
        scale = ctypes.c_double if values[14].value == 1 else c_float
        matrix = [c_void_p, c_int, c_int]
        expected = [*[c_int] * 5, scale, *matrix, *matrix, scale, *matrix, c_int, c_int]
        assert [type(value) for value in values] == expected
        values = [value.value for value in values]
        first_t, second_t, m, n, k, alpha, *values = values
        *operands, beta, out, out_type, out_lead, self.compute, algorithm = values
        assert (handle.value, algorithm) == (HANDLE, -1)
        first = at(*operands[:3], first_t, m, k).astype(np.float64)
        second = at(*operands[3:], second_t, k, n).astype(np.float64)
        C = at(out, out_type, out_lead, 0, m, n)
        assert beta == 0  # or NaN in C would matter
        C[...] = alpha * (first @ second)
        self.types = operands[1], operands[4], out_type
        return self._done("cublasGemmEx")

    def _done(self, *call):
        self.called.append(call)
        return self._statuses.get(call[0], 0)


def at(address, kind, lead, transposed, rows, columns):
    """A column-major matrix at an address, or what it is transposed."""
    dtype = TYPES[kind]
    if transposed:
        return at(address, kind, lead, 0, columns, rows).T
    assert lead >= max(rows, 1)  # libcublas refuses it
    length = lead * (columns - 1) + rows
    memory = (ctypes.c_char * (length * dtype.itemsize)).from_address(address)
    steps = dtype.itemsize, lead * dtype.itemsize
    return np.ndarray((rows, columns), dtype, memory, strides=steps)


class OnDevice:
    """A NumPy array that looks like CuPy's."""

    def __init__(self, array):
        self.array, self.data = array, SimpleNamespace(ptr=array.ctypes.data)
        self.shape, self.strides = array.shape, array.strides
        self.dtype, self.itemsize = array.dtype, array.itemsize

    @property
    def T(self):  # noqa: N802
        return OnDevice(self.array.T)


def lay(values, row_major, gap=2):
    """A copy of a matrix with NaN between its rows, or its columns."""
    view = values if row_major else values.T
    room = np.full((len(view), view.shape[1] + gap), np.nan, values.dtype)
    inside = room[:, : view.shape[1]]
    inside[...] = view
    return inside if row_major else inside.T


@pytest.fixture
def library():
    return Library()


@pytest.fixture
def blas(library):
    return Cublas(library, STREAM, WORKSPACE, SIZE)


def multiplied(blas, A, B, C, rounding=Rounding.NONE):
    return blas.product(*map(OnDevice, (A, B, C)), rounding)


def test_the_workspace_is_set_after_the_stream_which_resets_it(library, blas):
    assert library.called == [
        ("cublasCreate_v2",),
        ("cublasSetStream_v2", HANDLE, STREAM),
        ("cublasSetWorkspace_v2", HANDLE, WORKSPACE, SIZE),
    ]


ORDERS = list(product([True, False], repeat=3))
"""Whether A, B and C are row-major."""
SHAPES = [(1, 1, 1), (1, 4, 3), (4, 1, 3), (4, 3, 1), (5, 2, 6)]


@pytest.mark.parametrize("row_major", ORDERS, ids=str)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_products_of_every_order_and_type(blas, dtype, row_major):
    rng = np.random.default_rng(3)
    for m, k, n in SHAPES:
        left, right = (rng.integers(-4, 5, shape).astype(dtype) for shape in ((m, k), (k, n)))
        operands = left, right, np.full((m, n), np.nan, dtype)
        A, B, C = map(lay, operands, row_major)
        multiplied(blas, A, B, C)()
        np.testing.assert_array_equal(C, left @ right)
        if C.base is not None:
            assert np.isnan(C.base).sum() == C.base.size - C.size  # the gaps


def test_a_product_may_run_again_after_its_operands_changed(blas):
    A, B, C = np.eye(3), np.arange(9.0).reshape(3, 3), np.full((3, 3), np.nan)
    launch = multiplied(blas, A, B, C)
    assert np.isnan(C).all()  # it is prepared, no more
    launch()
    A *= 2
    launch()
    np.testing.assert_array_equal(C, 2 * B)


ROUNDED = {Rounding.NONE: 68, Rounding.TF32: 77, Rounding.BF16: 75}


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize(("dtype", "number"), [("f4", 0), ("f8", 1)])
def test_types_and_rounding_of_a_product(library, blas, rounding, dtype, number):
    multiplied(blas, *(np.ones((2, 2), dtype) for _ in range(3)), rounding)()
    assert library.types == (number, number, number)
    # float64 is never rounded
    assert library.compute == (70 if dtype == "f8" else ROUNDED[rounding])


@pytest.mark.parametrize(
    "types",
    [
        ("f4", "f4", "f8"),
        ("f8", "f4", "f4"),
        ("f2", "f2", "f4"),
        ("i4", "i4", "f4"),
    ],
    ids=str,
)
def test_other_mixtures_are_refused(blas, types):
    with pytest.raises(ValueError, match=r"^gemm:"):
        multiplied(blas, *(np.ones((2, 2), t) for t in types))


@pytest.mark.parametrize(
    ("status", "meaning"),
    [(1, "not initialised"), (3, "allocation failed"), (15, "not supported"), (99, "status 99")],
)
def test_a_failure_is_an_error_with_its_meaning(status, meaning):
    matrix = np.ones((2, 2))
    blas = Cublas(Library(cublasGemmEx=status), STREAM, WORKSPACE, SIZE)
    launch = multiplied(blas, matrix, matrix, matrix.copy())
    with pytest.raises(RuntimeError, match=rf"^cublasGemmEx: {meaning}$"):
        launch()


@pytest.mark.parametrize("name", ["cublasCreate_v2", "cublasSetStream_v2", "cublasSetWorkspace_v2"])
def test_a_failure_at_the_start_is_an_error(name):
    with pytest.raises(RuntimeError, match=rf"^{name}: not initialised$"):
        Cublas(Library(**{name: 1}), STREAM, WORKSPACE, SIZE)


def test_the_workspace_is_what_the_fastest_kernels_of_hopper_ask_for():
    assert cublas.WORKSPACE_BYTES == 32 * 2**20


def test_a_handle_goes_with_its_owner(library):
    made = Cublas(library, 1, 2, 3)
    del made
    gc.collect()
    assert library.called[-1] == ("cublasDestroy_v2", HANDLE)
