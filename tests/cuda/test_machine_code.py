"""Every kernel compiled, as the package compiles it, for GPUs from Turing to Blackwell."""

import subprocess
import sys
from dataclasses import replace
from itertools import cycle
from typing import NamedTuple

import numpy as np
import pytest

pytest.importorskip("cuda.core")

from numba import cuda
from numba.cuda import dispatcher, types

from gpubackprop.kernels.cuda import compiler, sums
from gpubackprop.kernels.cuda.tile import THREADS, WIDTH
from gpubackprop.kernels.kernel import Kernel
from tests.cuda import asked, offline
from tests.cuda.samples import SIGNATURE, crowd, histogram, sigmoid

pytestmark = pytest.mark.skipif(offline.why_not() is not None, reason=str(offline.why_not()))

SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
HOPPER = (9, 0)


class Promise(NamedTuple):
    """What the machine code of one factory's kernels keeps to."""

    registers: int
    """Of a thread, at the most, in float32; 64 let four blocks live on a multiprocessor."""
    registers_in_double: int
    loads: int = 0
    """Matrices or vectors that are read sixteen bytes at a time where they are aligned."""
    stores: int = 0
    """Matrices or vectors that are written so."""
    adds_in_double: bool = False
    """Whether it adds up in float64 by design."""


PROMISES = {
    # registers are dealt out in eights
    "gather": Promise(56, 56, loads=1, stores=1),
    "activate": Promise(48, 72, loads=2, stores=1),
    "activate_and_slope": Promise(56, 80, loads=2, stores=2),
    "softmax": Promise(48, 96, loads=4, stores=1),  # each is read twice
    "softmax_cross_entropy": Promise(56, 72),
    "hadamard": Promise(56, 72, loads=2, stores=1),  # an exponential for SiLU, GELU and Mish
    "dropout": Promise(56, 64, loads=1, stores=1),
    "pull_softmax": Promise(96, 80, loads=3, stores=1),  # on the oldest; 72 are enough on Hopper
    "dropout_delta": Promise(48, 64, loads=2, stores=1),
    "bias_grad": Promise(48, 64, loads=1),
    "output_delta": Promise(64, 88, loads=2, stores=1),
    "advance": Promise(16, 16),
    "fold": Promise(32, 40),
    # The losses of all batches, and a batch's weights, are added up in float64 on every backend:
    # one block's work, on parts that blocks have added up before, or on one number a row.
    "collect": Promise(40, 56, adds_in_double=True),
    "normalize": Promise(56, 72, adds_in_double=True),
    "add": Promise(40, 48, loads=2, stores=1),
    "sgd": Promise(48, 72, loads=3, stores=2),
    "adam": Promise(64, 96, loads=4, stores=3),  # NAdam's; the others take 56 and 88
    "rmsprop": Promise(64, 88, loads=3, stores=2),
    "lion": Promise(48, 72, loads=3, stores=2),
    "squares": Promise(40, 56, loads=1),
    "scale": Promise(40, 40, loads=1, stores=1),
    "clip_factor": Promise(40, 56, adds_in_double=True),
}

OF_VARIANTS = {
    "output_delta_focal": Promise(64, 96, loads=2, stores=1),  # two logarithms, an exponential
    "output_delta_binary_focal": Promise(80, 136, loads=2, stores=1),  # twice that
}
"""Promises of variants that cannot keep their family's."""


def own_promise(kernel):
    return OF_VARIANTS.get(kernel.label)


def promised(kernel):
    return own_promise(kernel) or PROMISES[family(kernel)]


def broken(promise, made, real):
    """What machine code does not keep of a promise."""
    most = promise.registers if real == SINGLE else promise.registers_in_double
    if real == SINGLE and made.float64 and not promise.adds_in_double:
        yield f"float64: {made.float64[0]}"
    if made.spill_stores or made.spill_loads:
        yield f"spills: {made.spill_stores} bytes stored, {made.spill_loads} loaded"
    if made.stack:
        yield f"local memory: {made.stack} bytes"
    if made.registers > most:
        yield f"registers: {made.registers} of {most}"
    kind, parts = ("v4.f32", 1) if real == SINGLE else ("v2.f64", 2)
    found = offline.vectors_in(made.ptx)
    for way, needed in ("ld", promise.loads), ("st", promise.stores):
        there = found.count(f"{way}.global.{kind}")
        if there < needed * parts:
            yield f"{way}.global.{kind}: {there} of {needed * parts}"


def report(kernel, real, capability):
    return offline.report_of_ptx(compiler.ptx(kernel, real, capability), capability)


def label(value):
    if isinstance(value, np.dtype):
        return value.name
    return value.label if hasattr(value, "factory") else str(value)


ALL = list(
    dict.fromkeys([*asked.kernels_asked_for(SINGLE), *asked.kernels_asked_for(DOUBLE)])
)  # `advance` is the same in both
ONE_OF_EACH = {(kernel.factory, real): (kernel, real) for kernel, real in ALL}.values()


def family(kernel):
    """Name of all variants of a kernel."""
    return kernel.factory.__name__


IN_SINGLE = [(kernel, real) for kernel, real in ALL if real == SINGLE]
LATER = [(8, 0), (10, 0), (12, 0)]
ELSEWHERE = [(kernel, real, (7, 5)) for kernel, real in ONE_OF_EACH if real == SINGLE]
"""A family on the oldest GPUs, which have least."""

IN_DOUBLE = [
    *((one, real, at) for (one, real), at in zip(ONE_OF_EACH, cycle(LATER)) if real == DOUBLE),
    *((kernel, real, HOPPER) for kernel, real in ALL if real == DOUBLE and own_promise(kernel)),
]
"""A family on one of the later GPUs, and what has a promise of its own."""


@pytest.mark.parametrize(("kernel", "real"), IN_SINGLE, ids=label)
def test_each_kernel_on_hopper(kernel, real):
    assert list(broken(promised(kernel), report(kernel, real, HOPPER), real)) == []


@pytest.mark.parametrize(("kernel", "real", "capability"), ELSEWHERE + IN_DOUBLE, ids=label)
def test_one_of_each_family_elsewhere_and_in_double(kernel, real, capability):
    assert list(broken(promised(kernel), report(kernel, real, capability), real)) == []


# the list is complete


def test_every_primitive_is_called():
    refused = {"sparse_dense", "sparse_weight_grad"}  # no GPU computes with sparse examples
    assert set(asked.calls(SINGLE)) == asked.primitive_names() - refused
    assert len(asked.primitive_names()) >= 12


def test_every_kernel_is_reached():
    reached = {kernel.factory for kernel, _ in ALL}
    assert {kernel.factory for kernel in asked.declared()} == reached
    assert {family(kernel) for kernel, _ in ALL} == set(PROMISES)


def test_no_two_kernels_share_a_name():
    """Under which their code is kept."""
    assert len({kernel.name(real) for kernel, real in ALL}) == len(ALL)


def test_a_kernel_that_nobody_calls_is_seen(monkeypatch):
    from gpubackprop.kernels.cuda import layers

    forgotten = replace(layers.gather, factory=lambda real: None)
    monkeypatch.setattr(layers, "forgotten", forgotten, raising=False)
    assert forgotten in asked.declared()


# the rules see what breaks them

LENIENT = Promise(255, 255)


def one_by_one(x, y, n):
    at = WIDTH * cuda.grid(1)
    for k in range(WIDTH):
        y[at + k] = x[at + k]


@pytest.mark.parametrize(
    ("kernel", "promise", "options", "told"),
    [
        (sigmoid, LENIENT, {}, {"float64"}),
        (sigmoid, LENIENT._replace(adds_in_double=True), {}, set()),
        (crowd, LENIENT, {"launch_bounds": (1024, 2)}, {"spills", "local memory"}),
        (histogram, LENIENT, {}, {"local memory"}),
        (crowd, Promise(64, 255), {"launch_bounds": THREADS}, {"registers"}),
        (one_by_one, LENIENT._replace(loads=1), {}, {"ld.global.v4.f32"}),
        (one_by_one, LENIENT._replace(stores=1), {}, {"st.global.v4.f32"}),
        (one_by_one, LENIENT, {}, set()),
    ],
)
def test_what_breaks_a_promise_is_told(kernel, promise, options, told):
    made = offline.report(kernel, SIGNATURE, HOPPER, **options)
    assert {fault.partition(":")[0] for fault in broken(promise, made, SINGLE)} == told


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


def test_loads_of_several_elements_are_found_whatever_their_qualifiers():
    assert offline.vectors_in("ld.global.L1::no_allocate.v4.f32 {%f1") == ["ld.global.v4.f32"]
    assert offline.vectors_in("ld.volatile.shared.v2.u64 {%rd1") == ["ld.shared.v2.u64"]


def test_a_log_that_says_nothing_is_an_error():
    with pytest.raises(ValueError, match=r"^no 'Used .* registers' in the assembler's log"):
        offline.figure(r"Used (\d+) registers", "nothing")


def test_a_store_that_is_not_wide_is_missed_among_those_that_are():
    """Adam writes three vectors: two wide stores are not enough."""
    (adam,) = (kernel for kernel, real in ALL if (kernel.label, real) == ("adam_adam", SINGLE))
    made = report(adam, SINGLE, HOPPER)
    narrow = made._replace(ptx=made.ptx.replace("st.global.v4.f32", "st.global.f32", 1))
    assert [*broken(PROMISES[family(adam)], narrow, SINGLE)] == ["st.global.v4.f32: 2 of 3"]


# what the compiler hands over

FOLD = sums.fold


def test_machine_code_holds_its_entry_point_and_is_for_one_architecture():
    made = {arch: compiler.compile_kernel(FOLD, SINGLE, arch) for arch in ((8, 0), HOPPER)}
    for (major, minor), (symbol, cubin) in made.items():
        assert cubin.startswith(b"\x7fELF")
        assert 10 * major + minor in cubin[48:52]  # the header's flags
        assert b".text." + symbol.encode() + b"\0" in cubin
    assert made[8, 0][1] != made[HOPPER][1]


def test_types_and_variants_have_symbols_of_their_own():
    texts = {compiler.ptx(FOLD, real, HOPPER) for real in (SINGLE, DOUBLE)}
    assert len({compiler._entry_symbol(text) for text in texts}) == 2


def test_parameters_have_the_types_that_are_declared():
    reals, count = types.CPointer(types.float64), types.int64
    assert compiler.signature(FOLD, DOUBLE) == (reals, count, count, reals)


def test_numba_asks_for_its_own_device_again():
    asking, answers = dispatcher.get_current_device, []

    def kernel_that_fails(real):
        answers.append(dispatcher.get_current_device().compute_capability)
        raise KeyError

    kernel = Kernel(kernel_that_fails, ())
    with pytest.raises(KeyError):
        compiler.compile_kernel(kernel, SINGLE, HOPPER)
    assert answers == [HOPPER]
    assert dispatcher.get_current_device is asking
    compiler.ptx(FOLD, SINGLE, HOPPER)
    assert dispatcher.get_current_device is asking


@pytest.mark.parametrize("text", ["", ".visible .entry a(\n)\n.visible .entry b(\n)"])
def test_one_entry_point_is_needed(text):
    with pytest.raises(RuntimeError, match="expected one entry point"):
        compiler._entry_symbol(text)


WITHOUT_ROW_STACK = """
import numpy as np
vars(np).pop("row_stack", None)
assert not hasattr(np, "row_stack")
from gpubackprop.kernels.cuda.compiler import compile_kernel
from gpubackprop.kernels.cuda.sums import fold
print(compile_kernel(fold, np.dtype("float32"), (9, 0))[1][:4])
"""


def test_numpy_need_not_have_row_stack():
    """It is gone in NumPy 2.5, and numba-cuda 0.30 looks it up."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_ROW_STACK], capture_output=True, text=True, check=False
    )
    assert done.stdout == "b'\\x7fELF'\n", done.stderr
