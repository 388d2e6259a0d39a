"""Each fused pass over memory: its bytes a second beside those of a copy on the device.

Whatever follows the products of a primitive counts, second stages of sums included. Buffers are
rotated so that none is found in the cache.
"""

from functools import partial
from statistics import median
from typing import Any

import numpy as np

from ...backends.cuda.memory import DeviceMemory
from ...kernels.calls import called, parts
from ...kernels.cuda.primitives import Primitives
from ...kernels.kernel import Launch
from ..goals import KERNEL_AT_LEAST, at_least
from ..primitives import Draw
from ..problems import Array
from ..processes.own_process import own_process
from ..ratios import Ratio, microseconds
from ..report.section import Figures, Section, always
from .clock import Clock, graph
from .passes import OUTPUTS, PASSES, Pass, Room

SIZES = {
    "16384 x 2048": PASSES,
    "4096 x 2048": PASSES,
    "1048576 x 32": OUTPUTS,
    "1048576 x 10": OUTPUTS,
    "8192 x 10": OUTPUTS,
}
"""Passes over matrices larger than any cache, and over those of a mini-batch."""
TOY = (64, 32)
CALLS = 12
"""Launches in one graph, so that the graph's own launch weighs little."""
ROUNDS = 20


def measure(case: str, gpu: Any, quick: bool) -> Figures:
    """Time a pass and the copy in turn."""
    name, _, size = case.partition("; ")
    make = SIZES[size][name]
    rows, columns = TOY if quick else map(int, size.split(" x "))
    room = Room(drawn(gpu), DeviceMemory(gpu), rows, columns)
    cache = int(gpu.cupy.cuda.Device(0).attributes["L2CacheSize"])
    first = make(room)
    sets = 2 if quick else sets_beyond(cache, first.bytes)
    passes = [first, *(make(room) for _ in range(sets - 1))]
    works = {
        "copy": graph(gpu, rotated([copy_of(first.bytes, gpu) for _ in range(sets)])),
        "pass": graph(gpu, rotated([launched(each, Primitives(gpu)) for each in passes])),
    }
    whole = Clock(gpu).in_turn(works, ROUNDS)
    calls = sets * repeats(sets)
    seconds = {name: [second / calls for second in times] for name, times in whole.items()}
    ratio = Ratio.of(seconds["copy"], seconds["pass"])
    return {"case": case, "bytes": first.bytes, "seconds": seconds, "ratio": ratio}


def sets_beyond(cache: int, moved: int) -> int:
    """Number of sets of buffers after which the first has left the cache."""
    return max(2, -(-2 * cache // moved))


def repeats(sets: int) -> int:
    """How often each set is used in one graph."""
    return max(1, CALLS // sets)


def rotated(launches: list[Launch]) -> list[Launch]:
    """Cycle through the sets of buffers."""
    return launches * repeats(len(launches))


def launched(each: Pass, primitives: Primitives) -> Launch:
    """Make one launch of a pass, its products left out."""
    call = called(Primitives, each.primitive, *each.arguments)
    launches = list(parts(primitives, call))[each.products :]

    def run() -> None:
        for launch in launches:
            launch.run()

    return Launch(each.primitive, run, tuple(launches))


def copy_of(moved: int, gpu: Any) -> Launch:
    """Make a copy that moves `moved` bytes: it reads half of them and writes the other half."""
    size = moved // 2
    source, target = (gpu.zeros(size, np.dtype(np.uint8)) for _ in range(2))
    runtime = gpu.cupy.cuda.runtime
    pointers = gpu.address(target), gpu.address(source)
    kind = runtime.memcpyDeviceToDevice
    copy = partial(runtime.memcpyAsync, *pointers, size, kind, gpu.stream.ptr)
    return Launch("copy", copy, (source, target))


def drawn(gpu: Any) -> Draw:
    """Return a function that draws numbers from 0.01 to 0.99 into fresh memory of a GPU."""
    numbers = np.random.default_rng(0).uniform(0.01, 0.99, 1 << 20).astype(np.float32)

    def draw(*shape: int) -> Array:
        with gpu:
            array: Array = gpu.cupy.resize(gpu.cupy.asarray(numbers), shape)
        return array

    return draw


def cells(figures: Figures) -> list[str]:
    ratio = Ratio(*figures["ratio"])
    return [
        figures["case"],
        f"{figures['bytes'] / 1e6:.4g}",
        microseconds(figures["seconds"]["pass"]),
        f"{figures['bytes'] / median(figures['seconds']['pass']) / 1e12:.3g}",
        f"{ratio}, {at_least(KERNEL_AT_LEAST, ratio.median)}",
    ]


SECTION = Section(
    name="kernels",
    title="Each fused pass over a GPU's memory beside a copy of as many bytes",
    about=(
        "A pass and a device-to-device copy take turns among sets of buffers that together exceed "
        "twice the cache. What follows in a pass, such as the second stage of a sum, counts."
    ),
    header=["pass, float32", "MB moved", "microseconds", "TB/s", "copy / pass"],
    cases=always(*(f"{name}; {size}" for size, passes in SIZES.items() for name in passes)),
    measuring=own_process(__name__),
    cells=cells,
    needs_gpu=True,
)
