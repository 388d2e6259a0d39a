"""Machine code: what it refuses, how much of it there is, and what it needs to run."""

import gc
import math
import os
import sys
from importlib.metadata import version

import numpy as np
import pytest

from gpubackprop.kernels.compiled import kernels as compiled
from gpubackprop.kernels.kernel import Kind, kernel
from gpubackprop.kernels.native import gc_pause
from gpubackprop.kernels.native.arguments import address, address_slots, pack
from gpubackprop.kernels.native.compiler import compile_kernel
from gpubackprop.kernels.native.launch import compiled_kernels


def wide(rows, columns, dtype="float64"):
    """A matrix with gaps between its elements."""
    return np.zeros((rows, 2 * columns), dtype=dtype)[:, ::2]


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Kind.MATRIX, np.zeros((3, 4), order="F")),
        (Kind.MATRIX, wide(3, 4)),
        (Kind.MATRIX, np.zeros(3)),
        (Kind.MATRIX, np.zeros((1, 3, 4))),
        (Kind.MATRIX, np.zeros((3, 4), dtype="float32")),
        (Kind.STRIDED, np.zeros(3)),
        (Kind.STRIDED, np.zeros((3, 4), dtype="float32")),
        (Kind.VECTOR, np.zeros((3, 1))),
        (Kind.VECTOR, np.zeros(6)[::2]),
        (Kind.VECTOR, np.zeros(6)[::-1]),
        (Kind.VECTOR, np.zeros(3, dtype=">f8")),
        (Kind.ELEMENTS, np.zeros(3, dtype="float32")),
        (Kind.INTEGERS, np.zeros(3)),
        (Kind.INTEGERS, np.zeros(3, dtype=np.int32)),
        (Kind.INTEGERS, np.zeros((3, 1), dtype=np.int64)),
        (Kind.DOUBLES, np.zeros(1, dtype="float32")),
        (Kind.DOUBLES, np.zeros(1, dtype=np.int64)),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_an_array_of_another_kind_is_refused(kind, wrong):
    first = np.zeros((2, 2))  # what says that the kernel's dtype is float64
    declared = kernel(first=Kind.MATRIX, second=kind)(some_kernel)
    with pytest.raises(TypeError, match=rf"^some_kernel: second must be a {kind.label} of "):
        pack(declared, {"first": first, "second": wrong})


def some_kernel(real):
    raise AssertionError("nothing is compiled here")


def test_an_array_of_the_other_byte_order_is_refused_even_where_it_decides_the_type():
    declared = kernel(x=Kind.VECTOR)(some_kernel)
    with pytest.raises(TypeError, match="x must be a vector"):
        pack(declared, {"x": np.zeros(3, dtype=np.dtype("f8").newbyteorder())})


def test_a_refusal_says_what_was_given():
    declared = kernel(x=Kind.VECTOR)(some_kernel)
    with pytest.raises(TypeError, match=r"got float32 of shape \(5,\) and strides \(8,\)"):
        pack(declared, {"x": np.zeros(10, dtype="float32")[::2]})


@pytest.mark.parametrize("given", [{"x": 1}, {"x": 1, "y": 2, "z": 3}, {"x": 1, "z": 3}])
def test_arguments_are_those_declared(given):
    declared = kernel(x=Kind.COUNT, y=Kind.COUNT)(some_kernel)
    with pytest.raises(TypeError, match=r"^some_kernel: takes x, y, was given x"):
        pack(declared, given)


def test_arguments_are_packed_in_the_order_declared():
    x, y = np.zeros((2, 3), dtype="float32"), np.zeros(4, dtype="float32")
    kinds = {"n": Kind.COUNT, "x": Kind.STRIDED, "y": Kind.VECTOR}
    declared = kernel(**kinds, d=Kind.DOUBLE, f=Kind.NUMBER)(some_kernel)
    block = pack(declared, {"f": 0.1, "d": 0.1, "y": y, "x": x, "n": -7})
    assert block[:-2].tolist() == [-7, x.ctypes.data, 2, 3, 12, 4, y.ctypes.data, 4]
    assert block[-2:-1].view("float64") == 0.1
    assert block[-1:].view("float32")[0] == np.float32(0.1)


def test_addresses_stand_where_they_are_said_to():
    """One parameter of each kind that the CPU's loops have, between two that show the way."""
    for kind in set(Kind) - {Kind.ELEMENTS}:
        kinds = {"first": Kind.MATRIX, "middle": kind, "last": Kind.VECTOR}
        declared = kernel(**kinds)(some_kernel)
        first, last = np.zeros((2, 3)), np.zeros(4)
        middle = np.zeros((2,) * kind.dimensions, kind.dtype(first.dtype)) if kind.is_array else 7
        block = pack(declared, {"first": first, "middle": middle, "last": last})
        slots = address_slots(declared)
        expected = [first.ctypes.data, middle.ctypes.data if kind.is_array else 7, last.ctypes.data]
        if not kind.is_array and kind is not Kind.ADDRESS:
            del expected[1]
        assert block[list(slots)].tolist() == expected, kind


@pytest.mark.parametrize(
    "delta", [np.zeros((3, 999), order="F"), np.zeros((3, 999), dtype="float32"), np.zeros(999)]
)
def test_a_primitive_refuses_and_names_itself(delta):
    grad = np.full(999, 7.0)  # wide enough for a loop
    with pytest.raises(TypeError, match="bias_grad"):
        compiled.bias_grad(delta, grad)
    assert (grad == 7).all()


@pytest.mark.parametrize(
    ("A", "W", "out"),
    [
        (np.ones((3, 4)), np.ones((5, 2)), np.ones((3, 2))),
        (np.ones((3, 4)), np.ones((4, 2)), np.ones((2, 2))),
        (np.ones((3, 4)), np.ones((4, 2)), np.ones((3, 3))),
        (np.ones((3, 4), dtype="float32"), np.ones((4, 2)), np.ones((3, 2))),
        (wide(3, 4), np.ones((4, 2)), np.ones((3, 2))),
    ],
    ids=["inner size", "rows", "columns", "dtype", "gaps"],
)
def test_a_product_that_does_not_fit_is_refused(A, W, out):
    with pytest.raises((TypeError, ValueError), match=r"gemm|weight_grad"):
        compiled.weight_grad(A.T, W, out)


def test_a_loop_that_only_numba_could_run_is_refused():
    @kernel(x=Kind.VECTOR)
    def wave(real):
        def loop(x):
            x[0] = math.erf(x[0])

        return loop

    told = r"^kernel wave_float64 needs \['erf'\], which only Numba"
    with pytest.raises(RuntimeError, match=told):
        compile_kernel(wave, np.dtype("float64"))


@pytest.mark.parametrize("running", [True, False])
def test_the_garbage_collector_is_as_it_was_before(running):
    (gc.enable if running else gc.disable)()
    try:
        assert gc_pause.without(gc.isenabled) is False
        assert gc.isenabled() is running
        with pytest.raises(ZeroDivisionError):
            gc_pause.without(lambda: 1 / 0)
        assert gc.isenabled() is running
    finally:
        gc.enable()


def loaded_by(action):
    before = set(compiled_kernels())
    action()
    return sorted(set(compiled_kernels()) - before)


def test_one_entry_per_kernel_and_dtype_whatever_the_memory_order():
    order, cursor = np.arange(6), np.zeros(1, dtype=np.int64)

    def gather_all(dtype):
        data = np.ones((6, 4), dtype=dtype)
        frozen = data.copy()
        frozen.flags.writeable = False
        spread = np.ones((12, 8), dtype=dtype)[::2, ::2]
        for X in (data, np.asfortranarray(data), spread, data[::-1, ::-1], frozen, data[:, :1]):
            compiled.gather(X, order, cursor, np.empty((6, X.shape[1]), dtype=dtype))

    gather_all("float32")
    gather_all("float64")
    named = [name for name in compiled_kernels() if name.startswith("gather_float")]
    assert sorted(named) == ["gather_float32", "gather_float64"]
    assert loaded_by(lambda: gather_all("float32")) == []


TRAIN = """
import sys
import numpy as np
from gpubackprop.backends import compiled
from gpubackprop.training.epochs import Epochs
from gpubackprop.algorithm.memory import HOST
from gpubackprop.training.memory_plan import plan
from gpubackprop.kernels.formulas import Activation, Formulas, Loss
from gpubackprop.algorithm.optimizers import Adam
from gpubackprop.algorithm.parameters import Parameters

net = Parameters.zeros((2, 3, 1), "float32")
net.theta[:] = np.linspace(-1, 1, net.theta.size)
adam = Adam(
    *(net.zeros_like().theta, net.zeros_like().theta, np.zeros(1, np.int64)),
    *(np.array([0.1]), 0.9, 0.999, 1e-8),
)
formulas = Formulas(Activation.TANH, Activation.SIGMOID, Loss.BINARY_CROSS_ENTROPY)
X = np.arange(10, dtype="float32").reshape(5, 2)
Y = np.array([[0], [1], [0], [1], [1]], dtype="float32")
planned = plan((2, 3, 1), 5, 2, "float32", 2, HOST)
epochs = Epochs(compiled.backend, net, formulas, adam, X, Y, None, 1e-4, planned)
for _ in range(3):
    epochs.run(np.arange(5))
print("numba" in sys.modules, net.theta.tobytes().hex())
"""


def test_a_warm_process_trains_without_numba(run_python):
    compiled_here, cold = run_python(TRAIN).split()
    imported, warm = run_python(TRAIN).split()
    assert (compiled_here, imported) == ("True", "False")
    assert warm == cold
    hidden = "import sys; sys.modules['numba'] = None\n" + TRAIN  # importing it now raises
    assert run_python(hidden).split()[1] == cold


CALL = """
import numpy as np
from gpubackprop.kernels.compiled import kernels
try:
    kernels.advance(np.zeros(1, dtype=np.int64), 3)
except ImportError as error:
    print(error)
"""


FIT = """
import numpy as np
from gpubackprop import MLPRegressor
X = np.arange(8.0).reshape(4, 2)
try:
    MLPRegressor(hidden_layer_sizes=(3,), max_iter=1).fit(X, X[:, 0])
except ImportError as error:
    print(error)
MLPRegressor(tol=1e9, n_iter_no_change=1, backend="reference").fit(X, X[:, 0])
print("trained")
"""


@pytest.mark.parametrize(
    ("package", "failure", "code"),
    [
        ("numba", "ImportError('Numba needs NumPy 2.4 or less. Got NumPy 9.9.')", CALL),
        ("numba", "SystemError('initialization of _internal failed')", CALL),
        ("llvmlite", "AttributeError('module numpy has no attribute long')", FIT),
    ],
)
def test_a_compiler_that_cannot_be_imported(package, failure, code, run_python, tmp_path):
    broken = tmp_path / "broken" / package
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text(f"raise {failure}")
    said = run_python(code, PYTHONPATH=os.pathsep.join([str(broken.parent), *sys.path]))
    assert failure.split("'")[1] in said
    for name in ("numba", "llvmlite", "numpy"):
        assert f"{name} {version(name)}" in said
    assert "backend='reference'" in said


def test_a_compiler_that_is_not_installed(run_python):
    hide = """
import importlib.metadata, sys
sys.modules["numba"] = None
installed = importlib.metadata.version
def version(name):
    if name == "numba":
        raise importlib.metadata.PackageNotFoundError(name)
    return installed(name)
importlib.metadata.version = version
"""
    said = run_python(hide + FIT)
    assert "numba not installed" in said
    assert said.endswith("trained")


DECLARED = """
import sys
from gpubackprop.backends import compiled
from gpubackprop.backends.cuda import backend
from gpubackprop.kernels.cuda import layers, sums, updates
print("numba" in sys.modules)
"""


def test_kernels_are_declared_without_numba(run_python):
    """On either machine: a process whose machine code is on disk never pays for it."""
    assert run_python(DECLARED) == "False"


def test_addresses_are_those_that_numpy_tells(tmp_path):
    whole = np.arange(24.0).reshape(4, 6)
    frozen = whole.copy()
    frozen.flags.writeable = False
    mapped = np.memmap(tmp_path / "numbers", dtype="float32", mode="w+", shape=(3, 2))
    for array in (whole, whole[1:, 2::2], whole.T, whole[::-1], whole[:0], frozen, mapped):
        assert address(array) == array.__array_interface__["data"][0]
