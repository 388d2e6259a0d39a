"""What a Numba-CUDA kernel is compiled to, on a machine without a GPU or a driver.

>>> pointer = types.CPointer(types.float32)
>>> made = report(kernel, (pointer, types.int64, types.float32), (9, 0))
>>> assert not made.float64 and not made.spill_stores and made.registers <= 64
>>> assert "ld.global.v4.f32" in vectors_in(made.ptx)

Not in a process with NUMBA_ENABLE_CUDASIM=1, where Numba compiles nothing. NVIDIA's compilers come
with: pip install 'numba-cuda[cu13]' 'cuda-toolkit==13.0.*'
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from cuda.core import Linker, LinkerOptions, ObjectCode
from cuda.pathfinder import DynamicLibNotFoundError, load_nvidia_dynamic_lib
from numba import cuda

from gpubackprop.kernels.numba_contract import compiling_for


class Report(NamedTuple):
    """Machine code in numbers, bytes of each thread."""

    registers: int
    spill_stores: int
    spill_loads: int
    stack: int
    float64: tuple[str, ...]
    """Lines that compute in float64, or convert to it; `computes_in_float64` says what may be."""

    ptx: str


def report(
    function: Callable[..., None],
    signature: Sequence[Any],
    compute_capability: tuple[int, int],
    **options: Any,
) -> Report:
    """Compile a plain kernel; options are those of `cuda.compile`."""
    with compiling_for(compute_capability):
        ptx, _ = cuda.compile(
            function,
            tuple(signature),
            cc=compute_capability,
            device=False,
            abi="numba",
            **options,
        )
    return report_of_ptx(ptx, compute_capability)


def report_of_ptx(ptx: str, compute_capability: tuple[int, int]) -> Report:
    """Assemble what has been compiled to PTX."""
    log = link(ptx, compute_capability)
    return Report(
        registers=figure(r"Used (\d+) registers", log),
        spill_stores=figure(r"(\d+) bytes spill stores", log),
        spill_loads=figure(r"(\d+) bytes spill loads", log),
        stack=figure(r"(\d+) bytes stack frame", log),
        float64=tuple(filter(computes_in_float64, instructions(ptx))),
        ptx=ptx,
    )


def why_not() -> str | None:
    """What keeps kernels from being compiled here."""
    if cuda.config.ENABLE_CUDASIM:
        return "the simulator compiles nothing"
    try:
        for library in "nvvm", "nvrtc", "nvJitLink":
            load_nvidia_dynamic_lib(library)
    except DynamicLibNotFoundError:
        return f"no {library}: pip install 'numba-cuda[cu13]' 'cuda-toolkit==13.0.*'"
    return None


def link(ptx: str, compute_capability: tuple[int, int]) -> str:
    """What the assembler says of its work."""
    major, minor = compute_capability
    options = LinkerOptions(arch=f"sm_{major}{minor}", verbose=True)
    linker = Linker(ObjectCode.from_ptx(ptx.encode()), options=options)
    linker.link("cubin")
    return linker.get_info_log()


def figure(pattern: str, log: str) -> int:
    """Largest number that is given: of the kernel or of a function that it calls."""
    found = [int(number) for number in re.findall(pattern, log)]
    if not found:
        raise ValueError(f"no {pattern!r} in the assembler's log:\n{log}")
    return max(found)


def computes_in_float64(line: str) -> bool:
    """Whether float64 is used other than to load, store or move it, or to round it to float32."""
    operation = re.sub(r"^@!?%\w+\s+", "", line).split()[0]  # less its condition
    harmless = re.match(r"(ld|st|mov)\.|cvt\.(\w+\.)*f32\.f64$", operation)
    return ".f64" in operation and harmless is None


def vectors_in(ptx: str) -> list[str]:
    """Vector loads and stores, less their qualifiers: `ld.global.v4.f32`."""
    pattern = r"\b(ld|st)\.(?:\w+\.)*?(global|shared|local)\.(?:[\w:]+\.)*?(v\d)\.(\w+)"
    return [".".join(match.groups()) for match in re.finditer(pattern, ptx)]


def instructions(ptx: str) -> list[str]:
    """Lines that end as instructions do; directives start with a dot."""
    lines = (line.strip() for line in ptx.splitlines())
    return [line for line in lines if line.endswith(";") and not line.startswith((".", "//"))]
