"""What is declared above each kernel's factory is what its loop takes, on both machines."""

from inspect import signature
from itertools import product

import numpy as np
import pytest

pytest.importorskip("cuda.core")

from gpubackprop.kernels import loops, product_loops, replay_loops, update_loops
from gpubackprop.kernels.build import VARIANTS
from gpubackprop.kernels.cuda import layers, sums, updates
from gpubackprop.kernels.kernel import Kernel, Kind, kernel

SINGLE = np.dtype("float32")
MODULES = {
    "the CPU's": (loops, product_loops, update_loops, replay_loops),
    "the GPU's": (layers, sums, updates),
}


def declared(modules):
    values = (value for module in modules for value in vars(module).values())
    return [value for value in values if isinstance(value, Kernel)]


def taken(each):
    return list(signature(each.loop(SINGLE)).parameters)


ALL = [
    each.of(*variant)
    for modules in MODULES.values()
    for each in declared(modules)
    for variant in VARIANTS.get(each.factory.__name__, [()])
]


def test_a_loop_takes_what_is_declared():
    assert len(ALL) > 100
    assert [e.label for e in ALL if taken(e) != [name for name, _ in e.parameters]] == []


def test_every_factory_is_declared():
    """A public function of these modules that makes a loop, and is no kernel, would go untested."""
    for module in (*MODULES["the CPU's"], *MODULES["the GPU's"]):
        made = [value for value in vars(module).values() if callable(value)]
        own = [f for f in made if getattr(f, "__module__", None) == module.__name__]
        parts = {f.__name__ for f in own if not f.__name__.startswith("_")}
        assert parts <= {"block_total", "column_totals", "warp_totals"}


@pytest.mark.parametrize("names", [*product("xyz", repeat=2)])
def test_a_declaration_that_differs_is_caught(names):
    def factory(real):
        return lambda x, y: None

    found = taken(kernel(**dict.fromkeys(names, Kind.COUNT))(factory))
    assert (found == list(dict.fromkeys(names))) == (names == ("x", "y"))


@pytest.mark.parametrize("real", ["float32", "float64"])
def test_a_kernels_type_decides_what_has_none_of_its_own(real):
    fixed = {kind: kind.dtype(np.dtype(real)).name for kind in Kind}
    int64 = {kind for kind, name in fixed.items() if name == "int64"}
    assert int64 == {Kind.INTEGERS, Kind.COUNT, Kind.ADDRESS}
    doubles = {Kind.DOUBLES, Kind.DOUBLE}
    assert all(fixed[kind] == "float64" for kind in doubles)
    assert (fixed[Kind.SHORTS], fixed[Kind.INDICES]) == ("uint16", "int32")
    assert {real, fixed[Kind.CONVERTED]} == {"float32", "float64"}
    others = set(Kind) - doubles - int64 - {Kind.SHORTS, Kind.INDICES, Kind.CONVERTED}
    assert {fixed[kind] for kind in others} == {real}
