"""The claims: each is measured in its smallest form, and its verdict depends on the figures."""

import copy
import json
import sys
from functools import cache
from importlib import import_module

import numpy as np
import pytest
from matplotlib.figure import Figure

from gpubackprop.algorithm.memory import HOST
from gpubackprop.bench.catalogue import CLAIMS
from gpubackprop.bench.claims.counting import allocated
from gpubackprop.bench.claims.networks import Plain
from gpubackprop.bench.claims.peer import peer
from gpubackprop.bench.options import Options
from gpubackprop.training.memory_plan import Sizes

BY_NAME = {section.name: section for section in CLAIMS}
NEEDS = {"PyTorch": "torch", "JAX": "jax"}
WORDS = ("Holds:", "Holds roughly:", "Does not hold:")


@cache
def measured(name):
    """Rows of every case of a claim that can be measured here."""
    if name == "symbolic":
        pytest.importorskip("sympy")
    cases = BY_NAME[name].cases(Options(quick=True))
    measure = import_module(f"gpubackprop.bench.claims.{name}").measure
    return tuple(measure(case, True) for case in cases if _possible(case))


def _possible(case):
    if case == "cuda":
        return False
    library = NEEDS.get(case.partition(" ")[0])
    if library is not None:
        pytest.importorskip(library)
    return True


@pytest.fixture(params=BY_NAME)
def section(request):
    return BY_NAME[request.param]


@pytest.fixture
def rows(section):
    return copy.deepcopy(list(measured(section.name)))


def word(name, rows):
    return BY_NAME[name].conclusions(rows)[0].partition(":")[0]


def test_figures_are_json_and_fill_the_table(section, rows):
    assert json.loads(json.dumps(rows)) == rows
    assert [row["case"] for row in rows] == list(section.cases(Options()))[: len(rows)]
    for row in rows:
        cells = section.cells(row)
        assert len(cells) == len(section.header)
        assert all(isinstance(cell, str) and cell for cell in cells)


def test_the_first_sentence_is_the_verdict_whatever_rows_are_missing(section, rows):
    assert section.conclusions(rows)[0].startswith(WORDS)
    for row in rows:
        assert all(line.startswith(WORDS) for line in section.conclusions([row])[:1])


def test_a_picture_is_drawn_without_a_warning(section, rows):
    for some in (rows, rows[:1]):
        figure = Figure(layout="constrained")
        section.draw(figure, some)
        figure.draw_without_rendering()
        assert all(axes.get_title(loc="left") for axes in figure.axes if axes.get_xlabel())


# Doctored figures: each claim's verdict follows from them, and from nothing else.


def gradient_cost(passes):
    def doctor(row):
        row["seconds"] = {"forward": [1.0], "backward": [passes - 1], "gradient": [passes]}

    return doctor


def linear_cost(power):
    def doctor(row):
        row["seconds"] = [[1e-9 * P**power] for P in row["parameters"]]

    return doctor


def finite_differences(slower, error=1e-7):
    def doctor(row):
        row["parameters"], row["error"] = 1_000_000, error
        row["seconds"] = {"gradient": [1e6], "forward": [slower], "difference": [slower]}

    return doctor


def symbolic(length):
    def doctor(row):
        row["depths"] = list(range(1, 9))
        row["derivative"] = [length(L) for L in row["depths"]]

    return doctor


def autodiff(epsilons):
    def doctor(row):
        row["errors"] = {hidden: [epsilons] * 3 for hidden in row["errors"]}

    return doctor


def batch_size(power):
    def doctor(row):
        row["seconds"] = [[B**power] for B in row["batches"]]

    return doctor


def cache_memory(power):
    def doctor(row):
        row["bytes"] = [value**power for value in row["values"]]

    return doctor


def checkpointing(equal=True, matrices=None, seconds=1.3):
    def doctor(row):
        row["equal"] = equal
        row["seconds"] = {"kept": [1.0], "checkpoints": [seconds]}
        if matrices is not None:
            row["bytes"]["checkpoints"] = matrices * row["matrix"]

    return doctor


def toy_network(before, one, every):
    def doctor(row):
        row["before"], row["after"] = before, one if row["case"] == "W1_11 alone" else every

    return doctor


HOLDS, ROUGHLY, NOT = (word.rstrip(":") for word in WORDS)


@pytest.mark.parametrize(
    ("name", "doctor", "expected"),
    [
        ("gradient_cost", gradient_cost(2.1), HOLDS),
        ("gradient_cost", gradient_cost(2.4), ROUGHLY),
        ("gradient_cost", gradient_cost(3.0), NOT),
        ("linear_cost", linear_cost(1.0), HOLDS),
        ("linear_cost", linear_cost(0.8), ROUGHLY),
        ("linear_cost", linear_cost(2.0), NOT),
        ("finite_differences", finite_differences(0.3e6), HOLDS),
        ("finite_differences", finite_differences(0.07e6), ROUGHLY),
        ("finite_differences", finite_differences(0.001e6), NOT),
        ("finite_differences", finite_differences(0.3e6, error=0.1), NOT),
        ("symbolic", symbolic(lambda L: 3**L), HOLDS),
        ("symbolic", symbolic(lambda L: L * L), NOT),
        ("autodiff", autodiff(1.0), HOLDS),
        ("autodiff", autodiff(100.0), ROUGHLY),
        ("autodiff", autodiff(1e6), NOT),
        ("batch_size", batch_size(0.2), HOLDS),
        ("batch_size", batch_size(0.8), ROUGHLY),
        ("batch_size", batch_size(1.0), NOT),
        ("cache_memory", cache_memory(1), HOLDS),
        ("cache_memory", cache_memory(1.1), ROUGHLY),
        ("cache_memory", cache_memory(2), NOT),
        ("checkpointing", checkpointing(), HOLDS),
        ("checkpointing", checkpointing(seconds=2.0), ROUGHLY),
        ("checkpointing", checkpointing(matrices=40), ROUGHLY),
        ("checkpointing", checkpointing(matrices=1000), NOT),
        ("checkpointing", checkpointing(equal=False), NOT),
        ("toy_network", toy_network(0.0850, 0.0846, 0.07), HOLDS),
        ("toy_network", toy_network(0.0850, 0.0855, 0.07), NOT),
        ("toy_network", toy_network(0.0850, 0.0846, 0.0847), NOT),
    ],
)
def test_the_verdict_follows_the_figures(name, doctor, expected):
    rows = copy.deepcopy(list(measured(name)))
    for row in rows:
        doctor(row)
    assert word(name, rows) == expected


def test_a_gradient_whose_cost_depends_on_the_depth_does_not_cost_two_passes():
    rows = copy.deepcopy(list(measured("gradient_cost")))
    for row in rows:
        gradient_cost(1.0 + row["depth"] / 4)(row)
    assert word("gradient_cost", rows) == NOT


# What does not depend on the clock is as the claims say, in the smallest form already.


def test_the_toy_network_has_the_texts_losses_but_for_rounding():
    one, every = measured("toy_network")
    assert one["before"] == pytest.approx(0.0850, abs=1e-4)
    assert one["after"] == pytest.approx(0.0846, abs=1e-4)
    assert every["after"] < one["after"]
    assert word("toy_network", [one, every]) == ROUGHLY


def test_automatic_differentiation_finds_the_same_gradients():
    assert word("autodiff", list(measured("autodiff"))) == HOLDS


def test_symbolic_differentiation_finds_the_same_derivative():
    rows = measured("symbolic")
    assert all(row["error"] < 1e-12 for row in rows)
    assert "DIFFERENT" in BY_NAME["symbolic"].conclusions([{**rows[1], "error": 0.1}])[-1]


def test_finite_differences_find_the_same_derivatives():
    assert all(row["error"] < 1e-4 and row["sampled"] > 0 for row in measured("finite_differences"))


def test_checkpoints_leave_every_bit_of_the_gradient():
    assert all(row["equal"] for row in measured("checkpointing"))


@pytest.mark.parametrize("checkpoint", [None, "sqrt"])
def test_every_byte_of_a_workspace_is_counted_once(checkpoint):
    plain = Plain(depth=9, width=32, batch=8, checkpoint=checkpoint)
    ws = plain.workspace(plain.zeros(HOST))
    matrices = (M for layer in ws.layers for M in (layer.Z, layer.output, layer.delta))
    own = (ws.examples, *matrices, ws.Y, ws.share, ws.sums)
    distinct = {array.__array_interface__["data"][0]: array.nbytes for array in own}
    assert allocated(plain) == sum(distinct.values())


def test_what_is_planned_for_a_workspace_holds_what_is_counted():
    plain = Plain(depth=9, width=32, batch=8)
    planned = Sizes(plain.layer_sizes, np.dtype(plain.dtype), HOST).workspace(plain.batch)
    assert 0 <= planned - allocated(plain) + 3 * 8 < 8 * plain.batch


def test_multiplications_are_counted_layer_by_layer():
    plain = Plain(depth=3, width=5, batch=7)
    product = 2 * 7 * 5 * 5
    assert plain.forward_flops == 3 * product
    assert plain.backward_flops == 5 * product


def test_a_peer_that_is_missing_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sympy", None)
    with pytest.raises(SystemExit):
        peer("sympy")
    assert "sympy" in json.loads(capsys.readouterr().out)["left_out"]


def test_a_gpu_that_is_missing_is_explained(monkeypatch, capsys):
    module = import_module("gpubackprop.bench.claims.batch_size")

    def none(backend, device):
        raise RuntimeError("no NVIDIA driver")

    monkeypatch.setattr(module, "select", none)
    with pytest.raises(SystemExit):
        module.measure("cuda", True)
    assert json.loads(capsys.readouterr().out) == {"left_out": "no NVIDIA driver"}


@pytest.mark.parametrize("missing", [0, 1])
def test_the_toy_network_has_no_verdict_on_what_was_not_measured(missing):
    rows = list(measured("toy_network"))
    del rows[missing]
    assert BY_NAME["toy_network"].conclusions(rows) == []
