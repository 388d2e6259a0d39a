"""What the host does for a GPU: packs arguments, keeps code, records graphs.

CuPy is a fake in whose place NumPy's memory stands. It notes each launch with the arguments that
the driver would read, as the driver would read them: by address.
"""

import ctypes
import gc
import logging
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from gpubackprop.backends.cuda.execution import preparing
from gpubackprop.backends.cuda.rendezvous import Rendezvous
from gpubackprop.kernels.calls import executed
from gpubackprop.kernels.cuda import cublas, gpu, sums
from gpubackprop.kernels.cuda.device import CaptureError, Rounding
from gpubackprop.kernels.cuda.gpu import Gpu
from gpubackprop.kernels.cuda.primitives import Primitives
from gpubackprop.kernels.kernel import Kernel, Kind, Launch
from gpubackprop.kernels.native import store
from tests.cuda.asked import Listener

SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
STREAM = 0x7F00_1234_5000


class Array(np.ndarray):
    """An array that says where it lies as CuPy's do."""

    @property
    def data(self):
        return SimpleNamespace(ptr=self.ctypes.data)


class Within:
    """Something to enter and to leave; says what is entered."""

    def __init__(self, entered, what):
        self._entered, self._what = entered, what

    def __enter__(self):
        self._entered.append(self._what)

    def __exit__(self, *error):
        assert self._entered.pop() == self._what


class Stream(Within):
    """Runs what is launched on it, or records it while it is captured."""

    def __init__(self, entered, ptr=STREAM):
        super().__init__(entered, "stream")
        self.ptr, self.ran, self.captured, self.refuses, self.uploads = ptr, [], None, None, 0

    def queue(self, launch):
        if self.captured is not None and self.refuses == "launch":
            raise RuntimeError("operation not permitted when stream is capturing")
        (self.ran if self.captured is None else self.captured).append(launch)

    def synchronize(self):
        assert self.captured is None

    def wait_event(self, event):
        """A stream that waits for a captured one is captured with it, until that waits for it."""
        if event.capture is not None and self.captured is None:
            self.captured = event.capture
            self.captured.apart.append(self)
        elif event.capture is not None:
            self.captured.apart.remove(event.stream)
            event.stream.captured = None

    def begin_capture(self):
        if self.refuses == "begin":
            raise RuntimeError("another capture is under way")
        self.captured = Capture()

    def end_capture(self):
        captured, self.captured = self.captured, None
        for stream in captured.apart:
            stream.captured = None
        if self.refuses in ("launch", "end") or captured.apart:
            raise RuntimeError("the capture was invalidated")
        return Graph(captured, self)


class Capture(list):
    """Launches that are recorded."""

    def __init__(self):
        self.apart = []  # streams that take part, and that the first one has not waited for


class Event:
    def __init__(self, disable_timing):
        assert disable_timing  # it takes time

    def record(self, stream):
        self.stream, self.capture = stream, stream.captured


class Graph:
    def __init__(self, launches, stream):
        self._launches, self._stream = launches, stream

    def upload(self, stream):
        assert stream is self._stream
        if stream.refuses == "upload":
            raise RuntimeError("out of memory")
        stream.uploads += 1

    def launch(self, stream):
        stream.queue(("graph", *self._launches))


class Driver:
    """The functions of the driver that CuPy passes on."""

    def __init__(self, stream):
        self.streams, self.loaded, self.addresses = {stream.ptr: stream}, [], []

    def moduleLoadData(self, code):  # noqa: N802
        self.loaded.append(code)
        return len(self.loaded)

    def moduleGetFunction(self, module, symbol):  # noqa: N802
        return f"{1000 * module}{len(symbol)}"

    def launchKernel(self, function, *extents):  # noqa: N802
        *extents, shared, stream, self.parameters, extra = extents
        assert (shared, extra) == (0, 0)
        self.streams[stream].queue((function, *extents))


@pytest.fixture
def cupy(monkeypatch):
    entered = []
    stream = Stream(entered)
    device = Within(entered, "device")
    device.compute_capability = "90"
    device.attributes = {"MultiProcessorCount": 132}
    fake = SimpleNamespace(
        zeros=lambda size, dtype: np.zeros(size, dtype).view(Array),
        empty=lambda size, dtype: np.full(size, 7, dtype).view(Array),
        cuda=SimpleNamespace(
            alloc=lambda size: SimpleNamespace(ptr=0x7F00_0000_0000),
            driver=Driver(stream),
            Device=lambda index: device,
            Event=Event,
            Stream=lambda non_blocking: stream,
        ),
        device=device,
        stream=stream,
        entered=entered,
    )
    monkeypatch.setitem(sys.modules, "cupy", fake)
    return fake


class Blas:
    """A libcublas whose functions all succeed; it notes how products round."""

    def __init__(self):
        self.computed_in = []

    def cublasGemmEx(self, *arguments):  # noqa: N802
        *_, compute, _ = arguments
        self.computed_in.append(compute.value)
        return 0

    def __getattr__(self, name):
        return lambda *arguments: 0


@pytest.fixture
def compiled(monkeypatch, tmp_path):
    """What was compiled, by a compiler that makes an object file of a name."""
    made = []
    monkeypatch.setattr(gpu, "_entries", {})

    def compile_kernel(kernel, real, capability):
        made.append((kernel.name(real), capability))
        return f"symbol_of_{kernel.name(real)}", f"cubin {len(made)}".encode()

    compiler = SimpleNamespace(compile_kernel=compile_kernel)
    monkeypatch.setitem(sys.modules, "gpubackprop.kernels.cuda.compiler", compiler)
    monkeypatch.setenv("GPUBACKPROP_CACHE_DIR", str(tmp_path))
    return made


@pytest.fixture(autouse=True)
def blas(monkeypatch):
    loaded = Blas()
    monkeypatch.setattr(cublas, "load", lambda: loaded)
    return loaded


@pytest.fixture
def device(cupy, compiled):
    return Gpu(0)


KINDS = [Kind.ELEMENTS, Kind.INTEGERS, Kind.DOUBLES, Kind.COUNT, Kind.NUMBER, Kind.DOUBLE]
"""What a kernel of the GPU may take."""


def every_kind(real):
    raise AssertionError("nothing is compiled here")


EVERY_KIND = Kernel(every_kind, tuple((kind.name, kind) for kind in KINDS))
TYPES = {Kind.COUNT: ctypes.c_int64, Kind.DOUBLE: ctypes.c_double}
REALS = {SINGLE: ctypes.c_float, DOUBLE: ctypes.c_double}


def arguments_of_every_kind(device, real):
    """Arguments in the order of `KINDS`: three addresses, a count and two numbers."""
    arrays = [device.zeros(3, dtype)[1:] for dtype in (real, np.dtype(np.int64), DOUBLE)]
    return (*arrays, -(2**40) - 1, 1 / 3, 1 / 7)


def launched(device, arguments, grid=(1, 1), block=(1, 1)):
    named = {kind.name: argument for kind, argument in zip(KINDS, arguments, strict=True)}
    return device.launch(EVERY_KIND, grid, block, named)


def as_the_driver_reads(cupy, real):
    """The arguments behind the addresses that the last launch was given."""
    start, addresses = cupy.cuda.driver.parameters, ctypes.POINTER(ctypes.c_int64)
    where = ctypes.cast(start, addresses)[: len(KINDS)]
    types = [ctypes.c_int64 if kind.is_array else TYPES.get(kind, REALS[real]) for kind in KINDS]
    return [kind.from_address(at).value for kind, at in zip(types, where, strict=True)]


# what it is, and its memory


def test_each_thread_queues_on_a_stream_of_its_own(cupy, monkeypatch):
    monkeypatch.setattr(gpu, "_mine", threading.local())
    monkeypatch.setattr(cupy.cuda, "Stream", lambda non_blocking: Stream(cupy.entered))
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(gpu.gpu, 0).result()
    assert gpu.gpu(0) is gpu.gpu(0)
    assert gpu.gpu(0).stream is not other.stream


@pytest.mark.parametrize(("digits", "pair"), [("75", (7, 5)), ("90", (9, 0)), ("120", (12, 0))])
def test_what_a_device_says_of_itself(cupy, compiled, digits, pair):
    cupy.device.compute_capability = digits
    device = Gpu(0)
    assert (device.capability, device.multiprocessors) == (pair, 132)


def test_memory_is_taken_on_the_device_and_its_stream(cupy, device, monkeypatch):
    for name in "zeros", "empty":
        entered = []
        made = getattr(cupy, name)

        def take(size, dtype, made=made, entered=entered):
            entered.extend(cupy.entered)
            return made(size, dtype)

        monkeypatch.setattr(cupy, name, take)
        array = getattr(device, name)(5, SINGLE)
        assert entered == ["device", "stream"]
        assert (array.shape, array.dtype) == ((5,), SINGLE)
        assert device.address(array[1:]) == array.ctypes.data + 4
    assert cupy.entered == []


# launches


@pytest.mark.parametrize("real", [SINGLE, DOUBLE], ids=str)
def test_arguments_lie_where_the_driver_looks_for_them(cupy, device, real):
    arguments = arguments_of_every_kind(device, real)
    launched(device, arguments, (3, 2), (8, 32)).run()
    *pointers, count, number, double = as_the_driver_reads(cupy, real)
    assert pointers == [array.ctypes.data for array in arguments[:3]]
    assert (count, number, double) == (-(2**40) - 1, real.type(1 / 3), 1 / 7)
    assert cupy.stream.ran == [(*cupy.stream.ran[0][:1], 3, 2, 1, 8, 32, 1)]


def test_a_launch_keeps_what_its_arguments_point_to(cupy, device):
    arguments = arguments_of_every_kind(device, SINGLE)
    alive = [weakref.ref(array) for array in arguments[:3]]
    launch = launched(device, arguments)
    wanted = [array.ctypes.data for array in arguments[:3]]
    del arguments
    gc.collect()
    assert all(array() is not None for array in alive)
    launch.run()
    assert as_the_driver_reads(cupy, SINGLE)[:3] == wanted
    del launch
    gc.collect()
    assert all(array() is None for array in alive)


def test_two_launches_of_one_kernel_do_not_share_arguments(cupy, device):
    one, another = (arguments_of_every_kind(device, SINGLE) for _ in range(2))
    launches = [launched(device, arguments) for arguments in (one, another)]
    for launch, arguments in zip(launches, (one, another), strict=True):
        launch.run()
        assert as_the_driver_reads(cupy, SINGLE)[0] == arguments[0].ctypes.data
    assert len(cupy.cuda.driver.loaded) == 1


def test_a_product_keeps_its_operands(device):
    operands = [device.zeros(4, SINGLE).reshape(2, 2) for _ in range(3)]
    alive = [weakref.ref(operand) for operand in operands]
    launch = device.product(*operands, Rounding.NONE)
    del operands
    gc.collect()
    assert all(operand() is not None for operand in alive)
    launch.run()


def test_a_product_rounds_as_it_is_told(device, blas):
    for rounding in Rounding:
        device.product(*(device.zeros(4, SINGLE).reshape(2, 2) for _ in range(3)), rounding).run()
    assert blas.computed_in == [68, 77, 75]  # of cublasComputeType_t: 32F, TF32 and 16BF in it


def test_an_array_of_another_type_is_refused(device):
    reals, integers, *rest = arguments_of_every_kind(device, SINGLE)
    with pytest.raises(TypeError, match=r"every_kind: INTEGERS must be .* got float64"):
        launched(device, (reals, integers.astype(DOUBLE), *rest))
    with pytest.raises(TypeError, match=r"takes ELEMENTS, .*, was given ELEMENTS$"):
        device.launch(EVERY_KIND, (1, 1), (1, 1), {"ELEMENTS": reals})


# code on disk

FOLD = sums.fold


def fold(device, real=SINGLE, grid=(1, 1)):
    parts, out = device.zeros(2, real), device.zeros(1, real)
    arguments = {"parts": parts, "rows": 2, "columns": 1, "out": out}
    return device.launch(FOLD, grid, (1, 1), arguments)


def load(real=SINGLE):
    gpu._entries.clear()  # of another process
    device = Gpu(0)
    fold(device, real)
    return device


def test_code_is_compiled_once_and_kept(cupy, compiled, monkeypatch):
    monkeypatch.setattr(gpu, "version", {"numba-cuda": "0.30.4"}.__getitem__)
    load()
    assert compiled == [("fold_float32", (9, 0))]
    kept = "symbol_of_fold_float32", b"cubin 1"
    assert store.read("sm_90-fold_float32-0.30.4") == kept

    functions = []
    monkeypatch.setattr(
        cupy.cuda.driver, "moduleGetFunction", lambda m, symbol: functions.append(symbol) or 1
    )
    load()  # as in another process
    assert len(compiled) == 1
    assert cupy.cuda.driver.loaded == [b"cubin 1", b"cubin 1"]
    assert functions == ["symbol_of_fold_float32"]


def test_each_type_processor_and_compiler_has_code_of_its_own(cupy, compiled, monkeypatch):
    load()
    load(DOUBLE)
    cupy.device.compute_capability = "120"
    load()
    monkeypatch.setattr(gpu, "version", lambda package: "0.99")
    load()
    names = ["fold_float32", "fold_float64", "fold_float32", "fold_float32"]
    assert compiled == list(zip(names, [(9, 0), (9, 0), (12, 0), (12, 0)], strict=True))
    assert cupy.cuda.driver.loaded == [b"cubin 1", b"cubin 2", b"cubin 3", b"cubin 4"]
    load()
    assert len(compiled) == 4


def test_numba_that_does_not_import_is_told_with_the_cure(device, monkeypatch):
    def absent(name, package):
        raise AttributeError("module 'numba.cuda.types' has no attribute 'NPDatetime'")

    monkeypatch.setattr(gpu, "import_module", absent)
    monkeypatch.setattr(store, "read", lambda name: None)
    cure = r"fold_float32 does not compile.*NPDatetime.*install .*gpubackprop\[cuda13\]"
    with pytest.raises(RuntimeError, match=cure):
        gpu._machine_code(FOLD, SINGLE, (9, 0))


# capture


def launches_of(device, count):
    return [fold(device, grid=(i, 1)) for i in range(1, count + 1)]


def columns(ran):
    """Blocks along x of each launch, one list for each graph."""
    return [[inner[1] for inner in one[1:]] if one[0] == "graph" else one[1] for one in ran]


def test_a_captured_sequence_is_launched_as_one(cupy, device):
    graph = device.capture(launches_of(device, 3))
    assert cupy.stream.ran == []  # recording runs nothing
    graph.run()
    graph.run()
    assert columns(cupy.stream.ran) == [[1, 2, 3], [1, 2, 3]]
    assert cupy.stream.uploads == 1
    assert cupy.entered == []


@pytest.mark.parametrize("when", ["begin", "launch", "end", "upload"])
def test_a_refused_capture_is_ended_and_told(cupy, device, when):
    launches = launches_of(device, 2)
    cupy.stream.refuses = when
    with pytest.raises(CaptureError, match=r"^RuntimeError: .+") as told:
        device.capture(launches)
    assert isinstance(told.value.__cause__, RuntimeError)
    assert cupy.stream.captured is None
    assert cupy.entered == []
    launches[0].run()
    assert columns(cupy.stream.ran) == [1]


def test_an_interrupt_ends_the_capture_and_goes_on(cupy, device):
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        device.capture([*launches_of(device, 1), Launch("interrupt", interrupt, ())])
    assert cupy.stream.captured is None
    assert cupy.entered == []


def test_launches_of_other_streams_are_branches(cupy, device, monkeypatch):
    other = another_device(cupy, monkeypatch)
    branches = [launches_of(device, 2), launches_of(other, 3)]
    graph = device.capture(branches[0], [(other, branches[1])])
    assert cupy.stream.ran == other.stream.ran == []
    graph.run()
    assert columns(cupy.stream.ran) == [[1, 2, 1, 2, 3]]
    launches_of(other, 1)[0].run()
    assert columns(other.stream.ran) == [1]  # it is captured no longer


def test_a_refused_branch_leaves_no_stream_captured(cupy, device, monkeypatch):
    other = another_device(cupy, monkeypatch)
    other.stream.refuses = "launch"
    with pytest.raises(CaptureError, match="not permitted"):
        device.capture(launches_of(device, 1), [(other, launches_of(other, 1))])
    assert cupy.stream.captured is other.stream.captured is None


def another_device(cupy, monkeypatch):
    """The same GPU as another thread has it."""
    stream = cupy.cuda.driver.streams.setdefault(STREAM + 1, Stream(cupy.entered, STREAM + 1))
    monkeypatch.setattr(cupy.cuda, "Stream", lambda non_blocking: stream)
    return Gpu(0)


@pytest.mark.parametrize("collects", [True, False])
def test_nothing_is_collected_in_a_capture(device, monkeypatch, collects):
    """What others left in cycles would be freed there; who collects goes on to."""
    found = []
    monkeypatch.setattr(gc, "isenabled", lambda: collects)
    for name in "disable", "enable":
        monkeypatch.setattr(gc, name, lambda name=name: found.append(name))
    device.capture([Launch("launch", lambda: found.append("launch"), ())])
    assert found == ["disable", "launch", *["enable"] * collects]


def test_a_step_that_ran_once_is_freed_when_it_is_dropped(device, monkeypatch):
    """Its launches hold memory of the GPU, which nobody waits for Python to collect."""
    gc.disable()
    try:
        run = counting_step(device)
        run(1)
        alive = weakref.ref(run)
        del run
        assert alive() is None
    finally:
        gc.enable()


def test_a_step_runs_once_and_is_a_graph_from_then_on(cupy, device):
    run = counting_step(device)
    assert cupy.stream.ran == []  # it was recorded, no more
    run(1)
    assert columns(cupy.stream.ran) == [1, 1]
    run(3)
    assert columns(cupy.stream.ran) == [1, 1, *[[1, 1]] * 3]
    assert cupy.stream.uploads == 1


def test_a_step_that_cannot_be_captured_runs_as_it_is(cupy, device, caplog):
    run = counting_step(device)
    cupy.stream.refuses = "launch"
    with caplog.at_level(logging.WARNING, "gpubackprop"):
        run(4)
    assert columns(cupy.stream.ran) == [1, 1] * 4
    (record,) = caplog.records  # it is not tried again
    assert "no CUDA Graph" in record.message
    assert "not permitted when stream is capturing" in record.message


def test_a_launch_that_fails_says_of_which_call_it_was(cupy, device, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("an illegal memory access was encountered")

    monkeypatch.setattr(cupy.cuda.driver, "launchKernel", fail)
    with pytest.raises(RuntimeError, match="illegal") as told:
        counting_step(device)(1)
    assert told.value.__notes__ == ["in advance"]


def counting_step(device):
    """A step of two launches, prepared."""
    counter = device.zeros(1, np.dtype(np.int64))

    def step(recorder):
        recorder.advance(counter, 1)
        recorder.advance(counter, 2)

    return preparing(Primitives(device), device, Rendezvous())(step, 0)


# grids


def test_a_grid_is_no_taller_than_cuda_allows():
    """Nine million rows, in no memory."""
    listener = Listener()
    tall = np.lib.stride_tricks.as_strided(np.zeros(1), (9_000_000, 1), (0, 8))
    order, cursor = np.zeros(1, np.int64), np.zeros(1, np.int64)
    executed(Primitives(listener)).gather(tall, order, cursor, tall)
    ((_, down),) = listener.asked.values()
    assert down == 65_535


# sums over GPUs


class Ranks:
    """A group of three ranks, as its second one; the others send what they would."""

    index, size = 1, 3

    def exchange(self, value):
        return [b"who", value, None]


class FakeNccl:
    """CuPy's module of NCCL; notes who connects and what is added up."""

    available, NCCL_SUM = True, 0
    NCCL_FLOAT32, NCCL_FLOAT64 = 7, 8
    NcclError = ZeroDivisionError

    def __init__(self):
        self.connected, self.summed, self.refuses = [], [], False

    def get_unique_id(self):
        raise AssertionError("the first rank makes it")

    def NcclCommunicator(self, size, identity, index):  # noqa: N802
        if self.refuses:
            raise self.NcclError("NCCL_ERROR_INVALID_USAGE")
        self.connected.append((size, identity, index))
        return SimpleNamespace(allReduce=lambda *arguments: self.summed.append(arguments))


@pytest.fixture
def nccl(cupy):
    cupy.cuda.nccl = FakeNccl()
    return cupy.cuda.nccl


@pytest.mark.parametrize(("real", "kind"), [(SINGLE, 7), (DOUBLE, 8)], ids=str)
def test_a_gradient_is_added_up_in_its_own_place(device, nccl, real, kind):
    total, ranks = device.zeros(5, real), Ranks()
    kernels = Primitives(device)
    for _ in range(2):  # they connect once
        (launch,) = kernels.all_reduce(total, ranks)
    assert nccl.summed == []
    launch.run()
    place = total.ctypes.data
    assert nccl.summed == [(place, place, 5, kind, nccl.NCCL_SUM, STREAM)]
    assert nccl.connected == [(3, b"who", 1)]


def test_without_nccl_the_cure_is_told(device, nccl):
    nccl.available = False
    with pytest.raises(RuntimeError, match="needs NCCL: pip install nvidia-nccl-cu13"):
        device.all_reduce(device.zeros(5, SINGLE), Ranks())


def test_ranks_that_share_a_gpu_are_told(device, nccl):
    nccl.refuses = True
    with pytest.raises(RuntimeError, match=r"connect 3 ranks .*each needs a GPU of its own"):
        device.all_reduce(device.zeros(5, SINGLE), Ranks())
