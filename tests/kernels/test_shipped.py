"""Machine code that comes with the package: for which processor, and when it is not used."""

import platform
import shutil

import llvmlite.binding as llvm
import numpy as np
import pytest

from gpubackprop.kernels import loops
from gpubackprop.kernels.native import shipped, targets
from gpubackprop.kernels.native.compiler import compile_together, lowered

USE = """
import sys
import numpy as np
from gpubackprop.kernels.compiled import kernels
from gpubackprop.kernels.native import shipped
counter = np.zeros(1, dtype=np.int64)
kernels.advance(counter, 3)
print(counter[0], "compiled" if "numba" in sys.modules else "loaded", shipped.is_used())
"""


IS_USED = "from gpubackprop.kernels.native import shipped; print(shipped.is_used())"


@pytest.fixture(scope="module")
def shipped_file(tmp_path_factory):
    """The machine code of one kernel, for this processor, as a wheel holds it."""
    folder, target = tmp_path_factory.mktemp("shipped"), targets.own_target()
    text = lowered(loops.advance, np.dtype("float64"))
    code = compile_together({"advance_float64": text}, target)
    shipped.write(folder, target, code)
    (file,) = folder.iterdir()
    return file


@pytest.fixture
def site(shipped_file, copied_package):
    """An installed package that one kernel came with."""
    shutil.copy(shipped_file, copied_package / "gpubackprop" / "kernels" / "native")
    return copied_package


def test_shipped_code_is_run_and_nothing_is_kept(site, run_python, tmp_path):
    assert run_python(USE, PYTHONPATH=str(site)) == "3 loaded True"
    assert not (tmp_path / "cache").exists()


def test_a_kernel_that_did_not_come_along_is_compiled(site, run_python):
    another = (
        "kernels.add(np.ones(1), total := np.ones(1)); print(total[0], 'numba' in sys.modules)"
    )
    assert run_python(USE + another, PYTHONPATH=str(site)).split()[-2:] == ["2.0", "True"]


def test_edited_sources_are_compiled(site, run_python):
    source = site / "gpubackprop" / "kernels" / "loops.py"
    text = source.read_text()
    source.write_text(text.replace("counter[0] += amount", "counter[0] += 2 * amount"))
    assert run_python(USE, PYTHONPATH=str(site)) == "6 compiled False"
    source.write_text(text)
    assert run_python(USE, PYTHONPATH=str(site)) == "3 loaded True"


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
        lambda content: content.partition(b"\n")[0] + b"\n",
        lambda content: b"\xff" + content[1:],
        lambda content: b"",
    ],
    ids=["truncated", "a flipped bit", "no code", "another hash", "empty"],
)
def test_damaged_code_is_not_run(site, shipped_file, run_python, damage):
    placed = site / "gpubackprop" / "kernels" / "native" / shipped_file.name
    placed.write_bytes(damage(shipped_file.read_bytes()))
    assert run_python(IS_USED, PYTHONPATH=str(site)) == "False"


# for which processor

V3 = ["avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe"]
V4 = [*V3, *(f"avx512{part}" for part in ("f", "bw", "cd", "dq", "vl"))]


@pytest.fixture
def processor(monkeypatch):
    """Pretend that this is a processor of an architecture with some instruction sets."""

    def pretend(architecture, has):
        features = llvm.FeatureMap(
            dict.fromkeys((*V4, "amx-bf16"), False) | dict.fromkeys(has, True)
        )
        monkeypatch.setattr(platform, "machine", lambda: architecture)
        monkeypatch.setattr(llvm, "get_host_cpu_features", lambda: features)
        monkeypatch.setattr(llvm, "get_host_cpu_name", lambda: "this one")
        targets.own_target.cache_clear()
        return targets.own_target()

    yield pretend
    monkeypatch.undo()
    targets.own_target.cache_clear()


# The psABI's levels: https://gitlab.com/x86-psABIs/x86-64-ABI


@pytest.mark.parametrize("machine", ["x86_64", "AMD64"])
def test_the_highest_level_is_taken(processor, machine):
    assert processor(machine, [*V4, "amx-bf16"]).cpu == "x86-64-v4"
    assert processor(machine, V3).cpu == "x86-64-v3"


@pytest.mark.parametrize("missing", V4)
def test_a_level_needs_all_of_its_instruction_sets(processor, missing):
    found = processor("x86_64", [name for name in V4 if name != missing])
    assert found.cpu == ("this one" if missing in V3 else "x86-64-v3")


def test_below_all_levels_code_is_for_the_very_processor(processor):
    assert processor("x86_64", ["fma"]) == (
        "this one",
        llvm.FeatureMap(dict.fromkeys((*V4, "amx-bf16"), False) | {"fma": True}).flatten(),
    )
    assert processor("riscv64", []).cpu == "this one"


@pytest.mark.parametrize("machine", ["aarch64", "arm64"])
def test_arm_has_one_level(processor, machine):
    assert processor(machine, []).cpu == "generic"
    assert [level.cpu for level in targets.levels()] == ["generic"]
