"""Reports of machine code say what is good and what is bad about it."""

import math

import pytest

pytest.importorskip("cuda.core")

from numba import cuda
from numba.cuda import types

from tests.cuda import offline
from tests.cuda.samples import SIGNATURE, crowd, histogram, narrowed, sigmoid, swish

pytestmark = pytest.mark.skipif(offline.why_not() is not None, reason=str(offline.why_not()))

FLOATS, DOUBLES = types.CPointer(types.float32), types.CPointer(types.float64)


@pytest.fixture(params=[(7, 5), (8, 0), (9, 0), (12, 0)], ids=str)
def capability(request):
    return request.param


def test_a_good_kernel_is_reported_as_such(capability):
    made = offline.report(swish, SIGNATURE, capability)
    assert 8 <= made.registers <= 32
    assert made.shared_memory in (128, 128 + 1024)
    assert (made.stack, made.spill_stores, made.spill_loads) == (0, 0, 0)
    assert not made.uses_local_memory
    assert made.float64 == ()
    assert not made.has_float64_arithmetic
    assert made.vectors == frozenset()
    assert f".target sm_{capability[0]}{capability[1]}" in made.ptx
    assert ".entry" in made.ptx


def test_arithmetic_in_float64_is_listed(capability):
    made = offline.report(sigmoid, SIGNATURE, capability)
    assert made.has_float64_arithmetic
    operations = [line.split()[0] for line in made.float64]
    assert {"cvt.f64.f32", "add.f64"} <= set(operations)
    assert "cvt.rn.f32.f64" in made.ptx  # the way back does no harm
    assert "cvt.rn.f32.f64" not in operations


def test_reading_float64_and_rounding_it_is_not_arithmetic(capability):
    made = offline.report(narrowed, (DOUBLES, FLOATS, types.int64), capability)
    assert "ld.global.f64" in made.ptx
    assert made.float64 == ()


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("@%p1 fma.rn.f64 %fd1, %fd2, %fd3, %fd4;", True),
        ("@!%p1 setp.lt.f64 %p2, %fd1, %fd2;", True),
        ("cvt.rn.f64.s64 %fd1, %rd1;", True),
        ("cvt.rmi.f64.f64 %fd1, %fd2;", True),
        ("@%p1 ld.global.nc.f64 %fd1, [%rd1];", False),
        ("st.shared.v2.f64 [%rd1], {%fd1, %fd2};", False),
        ("cvt.rn.ftz.f32.f64 %f1, %fd1;", False),
        ("fma.rn.f32 %f1, %f2, %f3, %f4;", False),
    ],
)
def test_which_instructions_compute_in_float64(line, counts):
    assert offline.computes_in_float64(line) == counts


def test_an_array_that_is_not_in_registers_is_reported(capability):
    made = offline.report(histogram, SIGNATURE, capability)
    assert made.stack >= 40 * 4
    assert made.uses_local_memory
    assert made.spill_stores == made.spill_loads == 0


def test_spills_are_reported():
    roomy = offline.report(crowd, SIGNATURE, (9, 0))
    assert not roomy.uses_local_memory
    tight = offline.report(crowd, SIGNATURE, (9, 0), launch_bounds=(1024, 2))  # of 65536 registers
    assert tight.registers == 32 < roomy.registers
    assert min(tight.spill_stores, tight.spill_loads) > 0
    assert tight.uses_local_memory


def test_loads_and_stores_of_several_elements_are_found():
    assert "st.local.v4.f32" in offline.report(histogram, SIGNATURE, (9, 0)).vectors
    assert offline.vectors_in("ld.global.L1::no_allocate.v4.f32 {%f1") == ["ld.global.v4.f32"]
    assert offline.vectors_in("ld.volatile.shared.v2.u64 {%rd1") == ["ld.shared.v2.u64"]


def test_fastmath_is_off_unless_asked_for():
    def tanh(x, y, n):
        y[0] = math.tanh(x[0])

    assert "tanh.approx" not in offline.report(tanh, SIGNATURE, (9, 0)).ptx
    assert "tanh.approx" in offline.report(tanh, SIGNATURE, (9, 0), fastmath=True).ptx


def test_a_kernel_may_be_jitted_and_call_device_functions():
    @cuda.jit(device=True)
    def twice(value):
        return value + value

    @cuda.jit
    def kernel(x, y, n):
        y[0] = twice(x[0])

    assert offline.report(kernel, SIGNATURE, (9, 0)).float64 == ()


def test_a_log_that_says_nothing_is_an_error():
    with pytest.raises(ValueError, match=r"^no 'Used .* registers' in the assembler's log"):
        offline.figure(r"Used (\d+) registers", "nothing")
