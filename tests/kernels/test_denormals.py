"""A replayed step takes denormal numbers for zero; nobody's thread is left in that mode."""

import ctypes
import platform
import warnings

import numpy as np
import pytest
from llvmlite import binding, ir

from gpubackprop import MLPRegressor
from gpubackprop.backends import threads
from gpubackprop.backends.compiled import backend
from gpubackprop.backends.thread_team import team
from gpubackprop.kernels import compiled
from gpubackprop.kernels.native import denormals
from gpubackprop.kernels.native.launch import LoopLaunch
from gpubackprop.kernels.replay import replay

pytestmark = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64", "aarch64", "arm64"),
    reason="denormal numbers stay what they are on this processor",
)
TINY = {"float32": 1e-40, "float64": 1e-310}
FLUSH = 0x8040
"""Bits of x86's MXCSR."""


def flushes():
    """Whether this thread takes denormal numbers for zero, as its register says."""
    if platform.machine() == "x86_64" and platform.libc_ver()[0] == "glibc":
        environment = (ctypes.c_uint32 * 8)()  # MXCSR stands last
        ctypes.CDLL(None).fegetenv(environment)
        return environment[7] & FLUSH != 0
    return bool(np.float32(1e-38) * np.float32(0.1) == 0)


class Probe:
    """A launch that notes whether its thread flushes denormal numbers."""

    def __init__(self):
        self.found = []
        self._call = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._note)
        entry = ctypes.cast(self._call, ctypes.c_void_p).value
        block = np.zeros(1, np.int64)
        self.launch = LoopLaunch("probe", entry, block, (), (self._call,))

    def _note(self, block):
        self.found.append(flushes())


def test_a_replayed_step_takes_denormal_numbers_for_zero(dtype):
    amount, total = np.full(64, TINY[dtype.name], dtype), np.zeros(64, dtype)
    backend.prepare(lambda k: k.add(amount, total), 1)(1)
    np.testing.assert_array_equal(total, 0)


def test_a_primitive_by_itself_does_not(dtype):
    amount, total = np.full(64, TINY[dtype.name], dtype), np.zeros(64, dtype)
    compiled.kernels.add(amount, total)
    np.testing.assert_array_equal(total, amount)


def test_the_mode_lasts_as_long_as_the_replay():
    probe = Probe()
    replay([probe.launch], 2).run()
    assert probe.found == [True, True]
    assert not flushes()


def test_each_thread_of_a_team_has_the_mode_in_its_lane_and_not_after_it():
    probe = Probe()
    three = team(3)
    three.run([replay([probe.launch]) for _ in range(3)])
    three.run([probe.launch] * 3)
    assert probe.found == [True] * 3 + [False] * 3


def test_a_thread_that_flushes_by_itself_goes_on_doing_so():
    inner = replay([])
    probe = Probe()
    replay([inner, probe.launch]).run()
    assert probe.found == [True]


def look(model, record):
    assert_gradual()


def stop(model, record):
    return True


def fail(model, record):
    raise OSError("disk full")


def interrupt(model, record):
    raise KeyboardInterrupt


@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("end", [None, stop, fail, interrupt])
def test_a_fit_leaves_the_users_thread_as_it_was(end, solver, lanes, monkeypatch):
    monkeypatch.setattr(threads, "available", lambda: lanes)
    monkeypatch.setattr("gpubackprop.backends.compiled.MIN_THREAD_MACS", 1)
    X = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)
    callbacks = [look, *([end] if end else [])]
    model = MLPRegressor(
        hidden_layer_sizes=4, solver=solver, max_iter=3, callbacks=callbacks, backend="compiled"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model.fit(X, X[:, 0])
        except OSError:
            assert end is fail
    assert_gradual()


def assert_gradual():
    """Check the register and the arithmetic."""
    assert not flushes()
    assert np.float32(1e-38) * np.float32(0.1) > 0


def test_code_for_arm64_sets_the_register_and_sets_it_back():
    """Assembled only: it was not run on such a processor."""
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), []), "flushed")
    builder = ir.IRBuilder(function.append_basic_block())
    before = denormals._read(builder, denormals._ARM)
    denormals._write(builder, denormals._ARM, builder.or_(before, before.type(1 << 24)))
    denormals._write(builder, denormals._ARM, before)
    builder.ret_void()
    target = binding.Target.from_triple("aarch64-linux-gnu").create_target_machine()
    code = target.emit_assembly(binding.parse_assembly(str(module)))
    assert code.lower().count("msr\tfpcr") == 2
